import { z } from '@hono/zod-openapi';
import {
  AGE_MARKS,
  CRITICALITIES,
  CUTOVER_STATES,
  type Cutover,
  type DatedVersion,
  markAge,
  maximumAgeDays,
  type Rotation,
  rotateAtMs,
  rotateEveryDays,
  SECRET_KINDS,
  type SecretEnvironmentSummary,
  type SecretSummary,
} from '../core/index.js';
import { percentOf } from './show-cutover.js';
import { RotationOfSecretSchema, showRotationOfSecret } from './show-rotation.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const DAY_MS = 86_400_000;
const Mark = z.enum(AGE_MARKS).openapi({
  description:
    '`overdue` from `maximumAgeDays` on, and once expired; `ageing` from three quarters of that on',
});

export const SecretEnvironmentSchema = z
  .strictObject({
    environment: z.string().openapi({ example: 'production' }),
    currentVersion: z.int().nullable(),
    previousVersion: z.int().nullable(),
    stagedVersions: z.array(z.int()),
    versions: z.int().openapi({ description: 'How many there were ever' }),
    currentSince: Timestamp.nullable(),
    currentCreatedAt: Timestamp.nullable(),
    expiresAt: Timestamp.nullable().openapi({ description: 'Of the current version' }),
    ageDays: z.int().nullable().openapi({ description: 'Age of the current version' }),
    mark: Mark.nullable(),
    nextRotationAt: Timestamp.nullable().openapi({
      description: 'By its rotation, or else when a person is to replace the current version',
    }),
    lastUsedAt: Timestamp.nullable().openapi({ description: 'null when never' }),
    cutover: z
      .strictObject({ id: z.string(), state: z.enum(CUTOVER_STATES), percent: z.number() })
      .nullable()
      .openapi({ description: 'The cutover that is under way' }),
    rotation: RotationOfSecretSchema.nullable().openapi({ description: 'null = by hand' }),
  })
  .openapi('SecretEnvironment');

export const SecretSchema = z
  .strictObject({
    id: z.string(),
    name: z.string().openapi({ example: 'stripe_api_key' }),
    description: z.string().nullable(),
    owner: z.string().nullable().openapi({ example: 'payments' }),
    labels: z.record(z.string(), z.string()),
    allowedHosts: z.array(z.string()).openapi({ example: ['api.stripe.com'] }),
    kind: z.enum(SECRET_KINDS),
    criticality: z.enum(CRITICALITIES),
    rotateEveryDays: z.int().openapi({ description: 'As set, or by kind and criticality' }),
    maximumAgeDays: z.int().openapi({ description: 'As set, or `rotateEveryDays`' }),
    asSet: z
      .strictObject({
        rotateEveryDays: z.int().nullable(),
        maximumAgeDays: z.int().nullable(),
      })
      .openapi({ description: 'What was said of these two; null = nothing' }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    environments: z.array(SecretEnvironmentSchema),
    currentVersions: z.record(z.string(), z.int()).openapi({
      description: 'The current version of each environment that has one',
      example: { production: 3 },
    }),
    ageDays: z.int().nullable().openapi({ description: 'Age of the oldest current version' }),
    mark: Mark.nullable().openapi({ description: 'The worst of its environments' }),
    nextRotationAt: Timestamp.nullable().openapi({
      description: 'The earliest of its environments',
    }),
    lastUsedAt: Timestamp.nullable().openapi({ description: 'null when never' }),
    routes: z.array(z.string()).openapi({ description: 'Applied routes that name it' }),
    routesByEnvironment: z.record(z.string(), z.array(z.string())).openapi({
      description: 'The same by environment, also where it has no version',
      example: { production: ['stripe'] },
    }),
    clients: z.array(z.string()).openapi({ description: 'Clients that have used it' }),
  })
  .openapi('Secret');

export type ShownSecret = z.input<typeof SecretSchema>;

/** What goes on, and may be of the secret. */
interface GoingOn {
  readonly cutovers: readonly Cutover[];
  readonly rotations: readonly Rotation[];
}

/** A secret as the API shows it at `nowMs`: with ages and what goes on with it, without values. */
export function showSecret(
  secret: SecretSummary,
  { cutovers, rotations }: GoingOn,
  nowMs: number,
): ShownSecret {
  const environments = secret.environments.map((held) => {
    const isOf = (it: { secret: string; environment: string }): boolean =>
      it.secret === secret.name && it.environment === held.environment;
    const own = { cutover: cutovers.find(isOf), rotation: rotations.find(isOf) };
    return showEnvironment(secret, held, own, nowMs);
  });
  const ages = environments.map(({ ageDays }) => ageDays).filter((days) => days !== null);
  const worst = Math.max(
    ...environments.map(({ mark }) => (mark === null ? -1 : AGE_MARKS.indexOf(mark))),
  );
  return {
    id: secret.id,
    name: secret.name,
    description: secret.description,
    owner: secret.owner,
    labels: { ...secret.labels },
    allowedHosts: [...secret.allowedHosts],
    kind: secret.kind,
    criticality: secret.criticality,
    rotateEveryDays: rotateEveryDays(secret),
    maximumAgeDays: maximumAgeDays(secret),
    asSet: { rotateEveryDays: secret.rotateEveryDays, maximumAgeDays: secret.maximumAgeDays },
    createdAt: toTimestamp(secret.createdAtMs),
    updatedAt: toTimestamp(secret.updatedAtMs),
    environments,
    currentVersions: Object.fromEntries(
      environments.flatMap(({ environment, currentVersion }) =>
        currentVersion === null ? [] : [[environment, currentVersion]],
      ),
    ),
    ageDays: ages.length === 0 ? null : Math.max(...ages),
    mark: AGE_MARKS[worst] ?? null,
    nextRotationAt: earliestOf(environments.map(({ nextRotationAt }) => nextRotationAt)),
    lastUsedAt: toTimestampOrNull(secret.lastUsedAtMs),
    routes: [...secret.routes],
    routesByEnvironment: Object.fromEntries(
      Object.entries(secret.routesByEnvironment).map(([name, routes]) => [name, [...routes]]),
    ),
    clients: [...secret.clients],
  };
}

function showEnvironment(
  secret: SecretSummary,
  held: SecretEnvironmentSummary,
  { cutover, rotation }: { cutover: Cutover | undefined; rotation: Rotation | undefined },
  nowMs: number,
): z.input<typeof SecretEnvironmentSchema> {
  const { currentCreatedAtMs: createdAtMs, currentExpiresAtMs: expiresAtMs } = held;
  const current = createdAtMs === null ? null : { createdAtMs, expiresAtMs };
  const byAgeMs = current === null ? null : rotateAtMs(secret, current);
  return {
    environment: held.environment,
    currentVersion: held.currentVersion,
    previousVersion: held.previousVersion,
    stagedVersions: [...held.stagedVersions],
    versions: held.versions,
    currentSince: toTimestampOrNull(held.currentSinceMs),
    currentCreatedAt: toTimestampOrNull(held.currentCreatedAtMs),
    expiresAt: toTimestampOrNull(held.currentExpiresAtMs),
    ageDays: current === null ? null : ageDaysOf(current, nowMs),
    mark: current === null ? null : markAge(secret, current, nowMs),
    // One that is paused, or under way, has no next run: the value's age alone then says nothing either.
    nextRotationAt: toTimestampOrNull(rotation === undefined ? byAgeMs : rotation.nextRunAtMs),
    lastUsedAt: toTimestampOrNull(held.lastUsedAtMs),
    cutover:
      cutover === undefined
        ? null
        : { id: cutover.id, state: cutover.state, percent: percentOf(cutover) },
    rotation: rotation === undefined ? null : showRotationOfSecret(rotation, nowMs),
  };
}

function ageDaysOf({ createdAtMs }: DatedVersion, nowMs: number): number {
  return Math.floor(Math.max(0, nowMs - createdAtMs) / DAY_MS);
}

/** Timestamps sort as texts. */
function earliestOf(times: readonly (string | null)[]): string | null {
  return times.filter((at) => at !== null).toSorted()[0] ?? null;
}
