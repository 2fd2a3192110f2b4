import type { Database } from 'better-sqlite3';
import type { AuditFilter } from '../../core/index.js';
import type { StoredAuditRow } from './audit-row.js';
import { AFTER_NAMES, allOf, anyOf, beginsWith, type Condition } from './condition.js';

export interface AuditSearch {
  /** The first `limit` rows that fit, in the filter's order, beyond the row `after`. */
  find(filter: AuditFilter, after: number | undefined, limit: number): StoredAuditRow[];
}

/** A filter as the values of an index that it stands for: under each of them the rows lie in order. */
interface Runs {
  readonly index: string;
  readonly any: readonly Condition[];
  /** The same for one row. */
  readonly check: Condition;
}

/** More are not merged, but looked for in all rows. */
const MOST_RUNS = 100;
/** Filters are compared by so many rows at most: whoever has as many leads to a page soon. */
const MOST_COMPARED = 1000;

/**
 * Finds rows in their order without sorting or reading the whole log: the filter that the fewest rows fit chooses an
 * index that holds its rows in order of their numbers, in several runs where it stands for several values (the actions
 * that begin alike, the names of an actor), which are merged; the other filters are checked row by row.
 */
export function createAuditSearch(database: Database): AuditSearch {
  // In two steps: a comparison of both columns at once would read every row of an id.
  const nextName = database.prepare<[string, string], { id: string; name: string }>(
    `SELECT actor_id AS id, actor_name AS name FROM audit
     WHERE actor_id = ? AND actor_name > ? ORDER BY actor_name LIMIT 1`,
  );
  const nextId = database.prepare<[string], { id: string; name: string }>(
    `SELECT actor_id AS id, actor_name AS name FROM audit
     WHERE actor_id > ? ORDER BY actor_id, actor_name LIMIT 1`,
  );
  const nextIn = (column: 'action' | 'secret') =>
    database
      .prepare<[string, string], string>(
        `SELECT ${column} FROM audit WHERE ${column} > ? AND ${column} < ? ORDER BY ${column} LIMIT 1`,
      )
      .pluck();
  const next = { action: nextIn('action'), secret: nextIn('secret') };

  /** Each value that begins with `prefix` and is not the prefix itself: one step in the index for each. */
  const beginning = (column: 'action' | 'secret', prefix: string): Condition[] => {
    const end = `${prefix}${AFTER_NAMES}`;
    const found: Condition[] = [];
    for (
      let value = next[column].get(prefix, end);
      value !== undefined && found.length <= MOST_RUNS;
      value = next[column].get(value, end)
    ) {
      found.push({ sql: `${column} = ?`, values: [value] });
    }
    return found;
  };
  const namesOf = (actor: string): Condition[] => {
    const found: Condition[] = [];
    let at = nextId.get('');
    for (; at !== undefined; at = nextName.get(at.id, at.name) ?? nextId.get(at.id)) {
      const { id, name } = at;
      if (id !== actor && name !== actor) continue;
      found.push({ sql: 'actor_id = ? AND actor_name = ?', values: [id, name] });
    }
    return found;
  };
  const numberAt = (edge: 'min' | 'max', condition: string, atMs: number): number | null =>
    database
      .prepare<[number], number | null>(
        `SELECT ${edge}(seq) FROM audit INDEXED BY audit_by_time WHERE at_ms ${condition} ?`,
      )
      .pluck()
      .get(atMs) ?? null;

  /** A clock can go back, so times only narrow the numbers down: between them every row's time is looked at. */
  const timesOf = ({ sinceMs, untilMs }: AuditFilter): Condition[] | undefined => {
    const found: Condition[] = [];
    if (sinceMs !== undefined) {
      const first = numberAt('min', '>=', sinceMs);
      if (first === null) return undefined;
      found.push({ sql: 'seq >= ? AND at_ms >= ?', values: [first, sinceMs] });
    }
    if (untilMs !== undefined) {
      const last = numberAt('max', '<', untilMs);
      if (last === null) return undefined;
      found.push({ sql: 'seq <= ? AND at_ms < ?', values: [last, untilMs] });
    }
    return found;
  };

  /** From what is often the most telling to the least. */
  const runsOf = (filter: AuditFilter): Runs[] => {
    const { secret, actor, action, environment, environments, secretPrefix } = filter;
    const equal = (column: string, value: string): Condition => ({
      sql: `${column} = ?`,
      values: [value],
    });
    const runs: Runs[] = [];
    const add = (index: string, any: readonly Condition[], check = anyOf(any)): void =>
      void runs.push({ index, any, check });
    if (secret !== undefined) add('audit_by_secret', [equal('secret', secret)]);
    if (actor !== undefined) add('audit_by_actor', namesOf(actor));
    if (action?.endsWith('.')) {
      add('audit_by_action', beginning('action', action), beginsWith('action', action));
    } else if (action !== undefined) add('audit_by_action', [equal('action', action)]);
    if (environment !== undefined) add('audit_by_environment', [equal('environment', environment)]);
    if (secretPrefix !== undefined) {
      const found = [equal('secret', secretPrefix), ...beginning('secret', secretPrefix)];
      add('audit_by_secret', found, beginsWith('secret', secretPrefix));
    }
    if (environments !== undefined) {
      add(
        'audit_by_environment',
        // One that is named twice has its rows once.
        [...new Set(environments)].map((name) => equal('environment', name)),
      );
    }
    return runs;
  };

  /** At most `MOST_COMPARED`, counted in the index alone. */
  const rowsOf = ({ index, any }: Runs): number => {
    let found = 0;
    for (const { sql, values } of any) {
      if (found >= MOST_COMPARED) break;
      found +=
        database
          .prepare<unknown[], number>(
            `SELECT count(*) FROM (SELECT 1 FROM audit INDEXED BY ${index} WHERE ${sql} LIMIT ?)`,
          )
          .pluck()
          .get(...values, MOST_COMPARED - found) ?? 0;
    }
    return found;
  };
  /** Of equals the first; undefined where each stands for too many values. */
  const leadingOf = (runs: readonly Runs[]): Runs | undefined => {
    const [first, ...others] = runs.filter(({ any }) => any.length <= MOST_RUNS);
    if (first === undefined || others.length === 0) return first;
    let leading = { runs: first, rows: rowsOf(first) };
    for (const other of others) {
      const rows = rowsOf(other);
      if (rows < leading.rows) leading = { runs: other, rows };
    }
    return leading.runs;
  };

  return {
    find(filter, after, limit) {
      const [direction, beyond] = filter.order === 'oldest' ? ['ASC', '>'] : ['DESC', '<'];
      const checked = timesOf(filter);
      const runs = runsOf(filter);
      if (checked === undefined || runs.some(({ any }) => any.length === 0)) return [];
      const leading = leadingOf(runs);
      for (const other of runs) if (other !== leading) checked.push(other.check);
      if (after !== undefined) checked.push({ sql: `seq ${beyond} ?`, values: [after] });
      if (filter.throughSeq !== undefined) {
        checked.push({ sql: 'seq <= ?', values: [filter.throughSeq] });
      }
      const from = leading === undefined ? 'NOT INDEXED' : `INDEXED BY ${leading.index}`;
      const selects = (leading?.any ?? [EVERY_ROW]).map((run): Condition => {
        const { sql, values } = allOf([run, ...checked]);
        return {
          sql: `SELECT * FROM (SELECT * FROM audit ${from} WHERE ${sql} ORDER BY seq ${direction} LIMIT ?)`,
          values: [...values, limit],
        };
      });
      return database
        .prepare<unknown[], StoredAuditRow>(
          `${selects.map(({ sql }) => sql).join(' UNION ALL ')} ORDER BY seq ${direction} LIMIT ?`,
        )
        .all(...selects.flatMap(({ values }) => values), limit);
    },
  };
}

const EVERY_ROW = allOf([]);
