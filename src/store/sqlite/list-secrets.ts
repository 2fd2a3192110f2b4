import {
  CRITICALITIES,
  type Page,
  recommendedDays,
  SECRET_KINDS,
  type SecretEnvironmentSummary,
  type SecretFilter,
  type SecretSummary,
} from '../../core/index.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import { type SecretRow, toSecret } from './secret-row.js';
import type { Session } from './session.js';

const DAY_MS = 86_400_000;
/** Sorts after every character that a secret's name may have. */
const AFTER_NAMES = '\x7f';

/** As `markAge` judges a secret `s`. */
const LIMIT_DAYS = `coalesce(s.maximum_age_days, s.rotate_every_days, CASE ${SECRET_KINDS.flatMap(
  (kind) =>
    CRITICALITIES.map(
      (criticality) =>
        `WHEN s.kind = '${kind}' AND s.criticality = '${criticality}' THEN ${recommendedDays(kind, criticality)}`,
    ),
).join(' ')} END)`;

interface EnvironmentRow {
  readonly secret_id: string;
  readonly environment: string;
  readonly last_version: number;
  readonly current_version: number | null;
  readonly previous_version: number | null;
  readonly current_since_ms: number | null;
  readonly created_at_ms: number | null;
  readonly expires_at_ms: number | null;
  readonly last_used_at_ms: number | null;
  readonly staged: string;
}

export function listSecretsCommands({ database, lookup, now, read }: Session) {
  const inScope = (column: string): string =>
    `(@scope IS NULL OR ${column} IN (SELECT value FROM json_each(@scope)))`;
  const environmentsOf = database.prepare<{ ids: string; scope: string | null }, EnvironmentRow>(
    `SELECT e.*, v.created_at_ms, v.expires_at_ms,
       (SELECT json_group_array(t.version) FROM versions AS t INDEXED BY versions_staged
        WHERE t.secret_id = e.secret_id AND t.environment = e.environment
          AND t.activated_at_ms IS NULL AND t.revoked_at_ms IS NULL
          AND t.destroyed_at_ms IS NULL) AS staged
     FROM secret_environments AS e LEFT JOIN versions AS v
       ON v.secret_id = e.secret_id AND v.environment = e.environment
       AND v.version = e.current_version
     WHERE e.secret_id IN (SELECT value FROM json_each(@ids)) AND ${inScope('e.environment')}
     ORDER BY e.environment`,
  );
  const routesOf = database.prepare<
    { names: string; scope: string | null },
    { key: string; value: string; environment: string }
  >(
    `SELECT DISTINCT r.secret AS key, r.route AS value, r.environment FROM route_references AS r
     WHERE r.secret IN (SELECT value FROM json_each(@names)) AND ${inScope('r.environment')}
     ORDER BY r.route`,
  );
  const clientsOf = database.prepare<
    { ids: string; scope: string | null },
    { key: string; value: string }
  >(
    `SELECT DISTINCT u.secret_id AS key, coalesce(c.name, u.client_id) AS value
     FROM usage AS u LEFT JOIN clients AS c ON c.id = u.client_id
     WHERE u.secret_id IN (SELECT value FROM json_each(@ids)) AND ${inScope('u.environment')}
     ORDER BY value`,
  );

  const summaries = (
    rows: readonly SecretRow[],
    environments: readonly string[] | undefined,
  ): SecretSummary[] => {
    const scope = environments === undefined ? null : JSON.stringify(environments);
    const ids = JSON.stringify(rows.map((row) => row.id));
    const names = JSON.stringify(rows.map((row) => row.name));
    const held = groupBy(environmentsOf.all({ ids, scope }), (row) => row.secret_id);
    const routes = groupBy(routesOf.all({ names, scope }), (row) => row.key);
    const clients = groupBy(clientsOf.all({ ids, scope }), (row) => row.key);
    return rows.map((row) => {
      const named = routes.get(row.name) ?? [];
      const own = (held.get(row.id) ?? []).map((found) =>
        toEnvironmentSummary(
          found,
          named.filter(({ environment }) => environment === found.environment),
        ),
      );
      const used = own.map(({ lastUsedAtMs }) => lastUsedAtMs).filter((atMs) => atMs !== null);
      return {
        ...toSecret(row),
        environments: own,
        routes: [...new Set(named.map(({ value }) => value))],
        routesByEnvironment: Object.fromEntries(
          [...groupBy(named, ({ environment }) => environment)].map(([environment, found]) => [
            environment,
            found.map(({ value }) => value),
          ]),
        ),
        clients: (clients.get(row.id) ?? []).map(({ value }) => value),
        lastUsedAtMs: used.length === 0 ? null : Math.max(...used),
      };
    });
  };

  return {
    getSecret(name: string): SecretSummary | undefined {
      return read(() => {
        const row = lookup.secret(name);
        return row === undefined ? undefined : summaries([row], undefined)[0];
      });
    },

    listSecrets(filter: SecretFilter): Page<SecretSummary> {
      return read(() => {
        if (filter.environment !== undefined) {
          lookup.requireEnvironment(filter.environment, { reserved: true });
        }
        const limit = pageLimit(filter);
        const { conditions, values } = conditionsOf(filter, now());
        const rows = database
          .prepare<unknown[], SecretRow>(
            `SELECT s.* FROM secrets AS s WHERE ${conditions.join(' AND ')} ORDER BY s.name LIMIT ?`,
          )
          .all(...values, limit + 1);
        return toPage(
          rows,
          limit,
          (row) => row.name,
          (shown) => summaries(shown, filter.environments),
        );
      });
    },
  };
}

/** The SQL conditions of a filter and their values, in the same order. */
function conditionsOf(
  filter: SecretFilter,
  nowMs: number,
): { conditions: string[]; values: unknown[] } {
  const conditions = ['s.name > ?'];
  const values: unknown[] = [decodeCursor(filter.cursor, 'string') ?? ''];
  const add = (condition: string, ...own: unknown[]): void => {
    conditions.push(condition);
    values.push(...own);
  };
  const held = 'SELECT 1 FROM secret_environments AS e WHERE e.secret_id = s.id';
  // What lies in other environments must not be told by what a filter lets through.
  const scope = filter.environments === undefined ? [] : [JSON.stringify(filter.environments)];
  const inScope = (column: string): string =>
    scope.length === 0 ? '' : ` AND ${column} IN (SELECT value FROM json_each(?))`;
  if (filter.namePrefix !== undefined && filter.namePrefix !== '') {
    add('s.name >= ? AND s.name < ?', filter.namePrefix, `${filter.namePrefix}${AFTER_NAMES}`);
  }
  if (filter.environment !== undefined) {
    add(`EXISTS (${held} AND e.environment = ?)`, filter.environment);
  }
  if (scope.length > 0) {
    add(`(EXISTS (${held}${inScope('e.environment')}) OR NOT EXISTS (${held}))`, ...scope);
  }
  if (filter.unusedForDays !== undefined) {
    add(
      `NOT EXISTS (${held}${inScope('e.environment')} AND e.last_used_at_ms > ?)`,
      ...scope,
      nowMs - filter.unusedForDays * DAY_MS,
    );
  }
  /** `condition` is of a current version `v` and takes one value. */
  const addCurrent = (condition: string, value: unknown): void =>
    add(
      `EXISTS (SELECT 1 FROM secret_environments AS e JOIN versions AS v
         ON v.secret_id = e.secret_id AND v.environment = e.environment
         AND v.version = e.current_version
       WHERE e.secret_id = s.id${inScope('e.environment')}
         AND e.environment = coalesce(?, e.environment) AND ${condition})`,
      ...scope,
      filter.environment ?? null,
      value,
    );
  if (filter.olderThanDays !== undefined) {
    addCurrent('v.created_at_ms <= ?', nowMs - filter.olderThanDays * DAY_MS);
  }
  if (filter.overdue === true)
    addCurrent(`v.created_at_ms + ${LIMIT_DAYS} * ${DAY_MS} <= ?`, nowMs);
  if (filter.expiringWithinDays !== undefined) {
    addCurrent('v.expires_at_ms <= ?', nowMs + filter.expiringWithinDays * DAY_MS);
  }
  if (filter.withoutRoutes === true) {
    add(
      `NOT EXISTS (SELECT 1 FROM route_references AS r
       WHERE r.secret = s.name${inScope('r.environment')})`,
      ...scope,
    );
  }
  if (filter.label !== undefined) {
    const [name, ...rest] = filter.label.split('=');
    add(
      'EXISTS (SELECT 1 FROM json_each(s.labels) AS l WHERE l.key = ? AND l.value = coalesce(?, l.value))',
      name,
      rest.length === 0 ? null : rest.join('='),
    );
  }
  return { conditions, values };
}

function toEnvironmentSummary(
  row: EnvironmentRow,
  routes: readonly { readonly value: string }[],
): SecretEnvironmentSummary {
  return {
    environment: row.environment,
    routes: routes.map(({ value }) => value),
    currentVersion: row.current_version,
    previousVersion: row.previous_version,
    currentSinceMs: row.current_since_ms,
    currentCreatedAtMs: row.created_at_ms,
    currentExpiresAtMs: row.expires_at_ms,
    stagedVersions: JSON.parse(row.staged),
    versions: row.last_version,
    lastUsedAtMs: row.last_used_at_ms,
  };
}

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
