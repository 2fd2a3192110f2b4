import type { Database } from 'better-sqlite3';
import type { SecretFilter, SecretSort, SortOrder } from '../../core/index.js';
import { AFTER_NAMES, allOf, type Condition } from './condition.js';
import { decodeCursor, foreignCursor } from './page-cursor.js';
import { type Held, secretQuery } from './secret-query.js';

/** A secret in its place. */
export interface FoundSecret {
  readonly name: string;
  /** What it is sorted by before its name; null where that is all. */
  readonly sort_key: number | null;
}

export interface SecretSearch {
  /** The first `limit` secrets that fit, in the filter's order, beyond its cursor. */
  find(filter: SecretFilter, limit: number): FoundSecret[];
  /** For `toPage`: where the page after it begins. */
  cursorOf(filter: SecretFilter, found: FoundSecret): string;
}

/** Is in no name. */
const BETWEEN = '\n';
/** The key of one that has none: it comes last. */
const LAST = Number.MAX_SAFE_INTEGER;

/** Each is sorted by upwards. Who is older was made earlier. */
function sortKey(sort: Exclude<SecretSort, 'name'>, order: SortOrder, held: Held): string {
  const sign = (order === 'asc') === (sort !== 'age') ? '' : '-';
  if (sort === 'lastUsed') return `${sign}coalesce(${held.lastUsedAtMs}, 0)`;
  return `coalesce(${sign}${sort === 'age' ? held.createdAtMs : held.rotateAtMs}, ${LAST})`;
}

/** Finds secrets by `listed_secrets`, in one pass, which ends with the page where names are the order. */
export function createSecretSearch(database: Database, now: () => number): SecretSearch {
  const inUse = database
    .prepare<{ scope: string | null }, number>(
      `SELECT count(*) FROM environments AS n
       WHERE n.reserved = 0 AND (@scope IS NULL OR n.name IN (SELECT value FROM json_each(@scope)))
         AND EXISTS (SELECT 1 FROM secret_environments AS e INDEXED BY secret_environments_by_environment
           WHERE e.environment = n.name AND e.current_version IS NOT NULL)`,
    )
    .pluck();
  // Nothing is told of secrets beyond the prefix either.
  const inUseUnder = database
    .prepare<{ scope: string | null; from: string; end: string }, number>(
      `SELECT count(DISTINCT l.environment) FROM listed_environments AS l
       WHERE l.name >= @from AND l.name < @end AND l.created_at_ms IS NOT NULL AND l.is_reserved = 0
         AND (@scope IS NULL OR l.environment IN (SELECT value FROM json_each(@scope)))`,
    )
    .pluck();
  const environmentsInUse = (filter: SecretFilter): number => {
    const { missingValue, environments, namePrefix: from = '' } = filter;
    if (missingValue !== true) return 0;
    const scope = environments === undefined ? null : JSON.stringify(environments);
    const found =
      from === ''
        ? inUse.get({ scope })
        : inUseUnder.get({ scope, from, end: `${from}${AFTER_NAMES}` });
    return found ?? 0;
  };

  return {
    find(filter, limit) {
      const { sort = 'name', order = 'asc' } = filter;
      const { tables, held, ...query } = secretQuery(filter, environmentsInUse(filter), now());
      const rows: Condition[] = [...query.rows];
      const holdings: Condition[] = [...query.holdings];
      const after = readCursor(filter);
      const isByName = sort === 'name';
      if (after !== undefined && isByName) {
        rows.push({ sql: `l.name ${order === 'asc' ? '>' : '<'} ?`, values: [after.name] });
      } else if (after !== undefined) {
        holdings.push({ sql: '(sort_key, l.name) > (?, ?)', values: [after.key, after.name] });
      }
      const [ofRows, ofHoldings] = [allOf(rows), allOf(holdings)];
      return database
        .prepare<unknown[], FoundSecret>(
          `SELECT l.name, ${isByName ? 'NULL' : sortKey(sort, order, held)} AS sort_key
           FROM ${tables.sql} WHERE ${ofRows.sql} ${held.areSums ? 'GROUP BY l.name HAVING' : 'AND'} ${ofHoldings.sql}
           ORDER BY ${isByName ? `l.name ${order}` : 'sort_key, l.name'} LIMIT ?`,
        )
        .all(...tables.values, ...ofRows.values, ...ofHoldings.values, limit);
    },
    cursorOf: (filter, { name, sort_key }) =>
      [orderOf(filter), sort_key === null ? '' : String(sort_key), name].join(BETWEEN),
  };
}

/** Throws `invalid_request` for one of a list in another order: rows would be left out, or come twice. */
function readCursor(filter: SecretFilter): { key: number; name: string } | undefined {
  const text = decodeCursor(filter.cursor, 'string');
  if (text === undefined) return undefined;
  const [order, key = '', name] = text.split(BETWEEN);
  if (order !== orderOf(filter) || name === undefined) throw foreignCursor();
  return { key: Number(key), name };
}

function orderOf({ sort = 'name', order = 'asc' }: SecretFilter): string {
  return `${sort} ${order}`;
}
