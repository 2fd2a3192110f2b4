import type { Database } from 'better-sqlite3';
import type { SecretFilter, SecretSort, SortOrder } from '../../core/index.js';
import { decodeCursor, foreignCursor } from './page-cursor.js';
import { AFTER_NAMES, type Condition, conditionsOf } from './secret-conditions.js';

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

const OLDEST = 'min(l.created_at_ms)';
const LAST_USED = 'coalesce(max(l.last_used_at_ms), 0)';
const NEXT_ROTATION = 'min(l.rotate_at_ms)';

/** Each is sorted by upwards. Who is older was made earlier. */
const SORT_KEYS: Readonly<
  Record<Exclude<SecretSort, 'name'>, Readonly<Record<SortOrder, string>>>
> = {
  age: { asc: `coalesce(-${OLDEST}, ${LAST})`, desc: `coalesce(${OLDEST}, ${LAST})` },
  lastUsed: { asc: LAST_USED, desc: `-${LAST_USED}` },
  nextRotation: {
    asc: `coalesce(${NEXT_ROTATION}, ${LAST})`,
    desc: `coalesce(-${NEXT_ROTATION}, ${LAST})`,
  },
};

/**
 * Finds secrets by `listed_secrets`, where the rows of a secret lie together in the order of names: in one pass, which
 * ends with the page where names are the order.
 */
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
      `SELECT count(DISTINCT l.environment) FROM listed_secrets AS l
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
      const conditions = conditionsOf(filter, environmentsInUse(filter), now());
      const rows: Condition[] = [...conditions.rows];
      const groups: Condition[] = [...conditions.groups];
      const after = readCursor(filter);
      const isByName = sort === 'name';
      if (after !== undefined && isByName) {
        rows.push({ sql: `l.name ${order === 'asc' ? '>' : '<'} ?`, values: [after.name] });
      } else if (after !== undefined) {
        groups.push({ sql: '(sort_key, l.name) > (?, ?)', values: [after.key, after.name] });
      }
      const all = [...rows, ...groups];
      return database
        .prepare<unknown[], FoundSecret>(
          `SELECT l.name, ${isByName ? 'NULL' : SORT_KEYS[sort][order]} AS sort_key
           FROM listed_secrets AS l WHERE ${together(rows)} GROUP BY l.name HAVING ${together(groups)}
           ORDER BY ${isByName ? `l.name ${order}` : 'sort_key, l.name'} LIMIT ?`,
        )
        .all(...all.flatMap(({ values }) => values), limit);
    },
    cursorOf: (filter, { name, sort_key }) =>
      [orderOf(filter), sort_key === null ? '' : String(sort_key), name].join(BETWEEN),
  };
}

function together(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => `(${sql})`).join(' AND ') || 'TRUE';
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
