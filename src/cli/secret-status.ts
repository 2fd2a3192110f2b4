import {
  type AgeMark,
  type RotationOfSecret,
  type SecretAnswer,
  type SecretEnvironmentAnswer,
  UNUSED_DAYS,
} from '../core/index.js';

const DAY_MS = 86_400_000;
/** Contract: warnings a week before something ends. */
const EXPIRES_SOON_MS = 7 * DAY_MS;

/** A secret in one environment, as `status` judges it. */
export interface SecretStatus {
  readonly secret: string;
  /** Null where it has no version anywhere and no route names it. */
  readonly environment: string | null;
  readonly version: number | null;
  readonly ageDays: number | null;
  readonly ageMs: number | null;
  readonly lastUsedAt: string | null;
  readonly nextRotationAt: string | null;
  /** What rotates it by itself there; null = nothing does. */
  readonly rotation: RotationOfSecret | null;
  /** Applied routes that name it there. */
  readonly routes: readonly string[];
  /** `missing`: there is no current version to judge. */
  readonly mark: AgeMark | 'missing';
  readonly attention: readonly Attention[];
}

/** Why someone should look at it; `without_value` only where a route needs the value. */
export type Attention =
  | 'overdue'
  | 'without_value'
  | 'rotation_failed'
  | 'awaiting_value'
  | 'expiring'
  | 'unused';

/** As tables show marks. */
export const MARKS: Readonly<Record<SecretStatus['mark'], string>> = {
  fresh: '✓ fresh',
  ageing: '⚠ ageing',
  overdue: '✗ overdue',
  missing: '– no value',
};

/** The environments that it has versions in or that routes name it in; `environment` = only that one. */
export function statusesOf(
  secret: SecretAnswer,
  environment: string | undefined,
  nowMs: number,
): SecretStatus[] {
  const named = Object.keys(secret.routesByEnvironment);
  const held = secret.environments.map((it) => it.environment);
  const names = [...held, ...named.filter((name) => !held.includes(name))];
  const wanted = names.filter((name) => environment === undefined || name === environment);
  if (names.length === 0 && environment === undefined) return [missing(secret, null, null)];
  return wanted.map((name) => {
    const found = secret.environments.find((it) => it.environment === name);
    return found === undefined ? missing(secret, name, null) : statusOf(secret, found, nowMs);
  });
}

function statusOf(
  secret: SecretAnswer,
  held: SecretEnvironmentAnswer,
  nowMs: number,
): SecretStatus {
  const { environment, currentVersion, currentCreatedAt, ageDays, mark, lastUsedAt } = held;
  if (currentVersion === null || currentCreatedAt === null || mark === null) {
    return missing(secret, environment, lastUsedAt, held.rotation);
  }
  const createdAtMs = Date.parse(currentCreatedAt);
  const expiresAtMs =
    held.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(held.expiresAt);
  const quietSinceMs = Math.max(
    createdAtMs,
    lastUsedAt === null ? Number.NEGATIVE_INFINITY : Date.parse(lastUsedAt),
  );
  const attention: Attention[] = [];
  if (mark === 'overdue') attention.push('overdue');
  attention.push(...attentionOf(held.rotation));
  if (expiresAtMs > nowMs && expiresAtMs - nowMs <= EXPIRES_SOON_MS) attention.push('expiring');
  if (nowMs - quietSinceMs >= UNUSED_DAYS * DAY_MS) attention.push('unused');
  return {
    secret: secret.name,
    environment,
    version: currentVersion,
    ageDays,
    ageMs: Math.max(0, nowMs - createdAtMs),
    lastUsedAt,
    nextRotationAt: held.nextRotationAt,
    rotation: held.rotation,
    routes: secret.routesByEnvironment[environment] ?? [],
    mark,
    attention,
  };
}

function attentionOf(rotation: RotationOfSecret | null): Attention[] {
  if (rotation?.status === 'failed') return ['rotation_failed'];
  return rotation?.run?.state === 'AWAITING_VALUE' ? ['awaiting_value'] : [];
}

function missing(
  secret: SecretAnswer,
  environment: string | null,
  lastUsedAt: string | null,
  rotation: RotationOfSecret | null = null,
): SecretStatus {
  const routes = environment === null ? [] : (secret.routesByEnvironment[environment] ?? []);
  return {
    secret: secret.name,
    environment,
    version: null,
    ageDays: null,
    ageMs: null,
    lastUsedAt,
    nextRotationAt: rotation?.nextRunAt ?? null,
    rotation,
    routes,
    mark: 'missing',
    attention: [
      ...(routes.length > 0 ? (['without_value'] as const) : []),
      ...attentionOf(rotation),
    ],
  };
}
