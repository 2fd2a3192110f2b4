import type {
  Page,
  SecretEnvironmentSummary,
  SecretFilter,
  SecretSummary,
} from '../../core/index.js';
import { pageLimit, toPage } from './page-cursor.js';
import { createSecretSearch } from './search-secrets.js';
import { type SecretRow, toSecret } from './secret-row.js';
import type { Session } from './session.js';

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
  const search = createSecretSearch(database, now);
  const named = database.prepare<[string], SecretRow>(
    'SELECT * FROM secrets WHERE name IN (SELECT value FROM json_each(?))',
  );
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

  const rowsOf = (names: readonly string[]): SecretRow[] => {
    const rows = new Map(named.all(JSON.stringify(names)).map((row) => [row.name, row]));
    return names.map((name) => rows.get(name)).filter((row) => row !== undefined);
  };
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
        const found = search.find(filter, limit + 1);
        return toPage(
          found,
          limit,
          (last) => search.cursorOf(filter, last),
          (shown) => summaries(rowsOf(shown.map(({ name }) => name)), filter.environments),
        );
      });
    },
  };
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
