import type { Database } from 'better-sqlite3';
import { AppError, type Force } from '../../core/index.js';
import { underWay } from './cutover-steps.js';
import type { CutoverTable } from './cutover-table.js';
import type { SecretRow } from './secret-row.js';

/** Contract: nothing is pulled away within 48 h of its last use. */
const QUIET_MS = 48 * 3_600_000;

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
}

interface LastUse {
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly client: string;
  readonly last_used_at_ms: number;
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
  const lastUse = database.prepare<
    { secret: string; environment: string | null; version: number | null; since: number },
    LastUse
  >(
    `SELECT u.environment, u.version, u.route, coalesce(c.name, u.client_id) AS client,
       u.last_used_at_ms
     FROM usage AS u LEFT JOIN clients AS c ON c.id = u.client_id
     WHERE u.secret_id = @secret AND u.environment = coalesce(@environment, u.environment)
       AND u.version = coalesce(@version, u.version) AND u.last_used_at_ms > @since
     ORDER BY u.last_used_at_ms DESC LIMIT 1`,
  );

  const recentUse = (secret: string, environment: string | null, version: number | null) => {
    const use = lastUse.get({ secret, environment, version, since: now() - QUIET_MS });
    if (use === undefined) return undefined;
    const at = new Date(use.last_used_at_ms).toISOString();
    const what = version === null ? `version ${use.version} in ${use.environment}` : 'it';
    return `${what} was last used at ${at} by route "${use.route}" for client "${use.client}", less than 48 hours ago`;
  };

  const cutoverOf = ({ secret, environment, version }: VersionPlace): string | undefined => {
    const row = cutovers.runningAt(secret.id, environment);
    const isPart =
      row?.secret_id === secret.id && (version === row.from_version || version === row.to_version);
    return isPart ? underWay(row) : undefined;
  };

  return {
    requireVersionFree({ secret, environment, version }, force) {
      const pinning = pins.all(secret.name, environment, version);
      return decide(`Version ${version} of "${secret.name}" in ${environment}`, force, [
        isCurrent.get(secret.id, environment, version) === undefined
          ? undefined
          : 'it is current (activate another version first)',
        cutoverOf({ secret, environment, version }),
        pinning.length === 0 ? undefined : `${named(pinning)} it (apply routes without that pin)`,
        recentUse(secret.id, environment, version),
      ]);
    },
    requireSecretFree(secret, force) {
      const naming = routes.all(secret.name);
      return decide(`The secret "${secret.name}"`, force, [
        naming.length === 0 ? undefined : `${named(naming)} it (apply routes without it first)`,
        ...cutovers.runningOf(secret.id).map(underWay),
        recentUse(secret.id, null, null),
      ]);
    },
  };
}

function decide(
  what: string,
  force: Force | undefined,
  reasons: readonly (string | undefined)[],
): Record<string, unknown> {
  const found = reasons.filter((reason) => reason !== undefined);
  if (force !== undefined) return { reason: force.reason, forced: found.length > 0, found };
  if (found.length === 0) return {};
  throw new AppError(
    'in_use',
    `${what} is still in use: ${found.join('; ')}. Forcing it needs a reason.`,
  );
}

function named(routes: readonly string[]): string {
  const shown = routes.slice(0, 5).map((route) => `"${route}"`);
  const more = routes.length > shown.length ? ` and ${routes.length - shown.length} more` : '';
  return `${routes.length === 1 ? 'route' : 'routes'} ${shown.join(', ')}${more} ${routes.length === 1 && more === '' ? 'names' : 'name'}`;
}
