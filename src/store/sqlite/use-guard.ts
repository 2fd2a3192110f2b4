import type { Database } from 'better-sqlite3';
import {
  AppError,
  type Force,
  judgeRevoke,
  type LastUse,
  type RevokeSafety,
  recentUse,
  routesThatName,
} from '../../core/index.js';
import { underWay } from './cutover-steps.js';
import type { CutoverTable } from './cutover-table.js';
import type { SecretRow } from './secret-row.js';

export interface VersionPlace {
  readonly secret: SecretRow;
  readonly environment: string;
  readonly version: number;
}

/**
 * Refuses to pull something from under a route. Each check throws `in_use`; with `force` it answers what to
 * audit instead: the reason and what was overridden.
 */
export interface UseGuard {
  requireVersionFree(place: VersionPlace, force: Force | undefined): Record<string, unknown>;
  requireSecretFree(secret: SecretRow, force: Force | undefined): Record<string, unknown>;
  safetyOf(place: VersionPlace): RevokeSafety;
}

interface UseRow {
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly client: string;
  readonly atMs: number;
}

export function createUseGuard(
  database: Database,
  cutovers: CutoverTable,
  now: () => number,
): UseGuard {
  const isCurrent = database.prepare<[string, string, number]>(
    `SELECT 1 FROM secret_environments
     WHERE secret_id = ? AND environment = ? AND current_version = ?`,
  );
  const pins = database
    .prepare<[string, string, number], string>(
      `SELECT DISTINCT route FROM route_references
       WHERE secret = ? AND environment = ? AND version = ? ORDER BY route`,
    )
    .pluck();
  const routes = database
    .prepare<[string], string>(
      'SELECT DISTINCT route FROM route_references WHERE secret = ? ORDER BY route',
    )
    .pluck();
  const lastUseBy = database.prepare<[string, string, number], UseRow>(
    `SELECT u.environment, u.version, u.route, coalesce(c.name, u.client_id) AS client,
       u.last_used_at_ms AS atMs
     FROM usage AS u LEFT JOIN clients AS c ON c.id = u.client_id
     WHERE u.secret_id = ? AND u.environment = ? AND u.version = ?
     ORDER BY u.last_used_at_ms DESC LIMIT 1`,
  );
  const lastUsedVersion = database.prepare<
    [string],
    { environment: string; version: number; last_used_at_ms: number }
  >(
    `SELECT environment, version, last_used_at_ms FROM versions
     WHERE secret_id = ? AND last_used_at_ms IS NOT NULL ORDER BY last_used_at_ms DESC LIMIT 1`,
  );
  const lastUsedAt = database
    .prepare<[string, string, number], number | null>(
      `SELECT last_used_at_ms FROM versions
       WHERE secret_id = ? AND environment = ? AND version = ?`,
    )
    .pluck();

  const lastUse = (secretId: string, environment: string, version: number): LastUse => ({
    by: lastUseBy.get(secretId, environment, version),
    atMs: lastUsedAt.get(secretId, environment, version) ?? null,
  });

  const cutoverOf = ({ secret, environment, version }: VersionPlace): string | undefined => {
    const row = cutovers.runningAt(secret.id, environment);
    const isPart =
      row?.secret_id === secret.id && (version === row.from_version || version === row.to_version);
    return isPart ? underWay(row) : undefined;
  };

  const safetyOf = (place: VersionPlace): RevokeSafety => {
    const { secret, environment, version } = place;
    const facts = {
      isCurrent: isCurrent.get(secret.id, environment, version) !== undefined,
      cutover: cutoverOf(place),
      pinnedBy: pins.all(secret.name, environment, version),
      lastUse: lastUse(secret.id, environment, version),
    };
    return judgeRevoke(facts, now());
  };

  /** Of whichever version was used last. */
  const recentUseOf = ({ id }: SecretRow): string | undefined => {
    const last = lastUsedVersion.get(id);
    if (last === undefined) return undefined;
    const { environment, version } = last;
    const recent = recentUse(lastUse(id, environment, version), now());
    return recent === undefined ? undefined : `version ${version} in ${environment} ${recent}`;
  };

  return {
    safetyOf,
    requireVersionFree(place, force) {
      const { safe, reasons } = safetyOf(place);
      const { secret, environment, version } = place;
      const what = `Version ${version} of "${secret.name}" in ${environment}`;
      return decide(what, force, safe ? [] : reasons.map(({ message }) => message));
    },
    requireSecretFree(secret, force) {
      const naming = routes.all(secret.name);
      const reasons = [
        naming.length === 0
          ? undefined
          : `${routesThatName(naming)} it (apply routes without it first)`,
        ...cutovers.runningOf(secret.id).map(underWay),
        recentUseOf(secret),
      ];
      const found = reasons.filter((reason) => reason !== undefined);
      return decide(`The secret "${secret.name}"`, force, found);
    },
  };
}

function decide(
  what: string,
  force: Force | undefined,
  found: readonly string[],
): Record<string, unknown> {
  if (force !== undefined) return { reason: force.reason, forced: found.length > 0, found };
  if (found.length === 0) return {};
  throw new AppError(
    'in_use',
    `${what} is still in use: ${found.join('; ')}. Forcing it needs a reason.`,
  );
}
