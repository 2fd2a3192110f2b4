import type { Database } from 'better-sqlite3';
import type { Change } from '../../core/index.js';

/** How many changes a reader may lag behind before it must load everything anew. */
const KEPT_CHANGES = 50_000;
const TRIM_EVERY = 1_000;

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;

export interface ChangeLog {
  /** Call it inside the transaction of the change. */
  append(change: WithoutSeq<Change>): void;
  latest(): number;
  since(seq: number): readonly Change[] | undefined;
}

export function createChangeLog(database: Database): ChangeLog {
  const insert = database.prepare<[string]>('INSERT INTO changes (change) VALUES (?)');
  const trim = database.prepare<[number]>('DELETE FROM changes WHERE seq <= ?');
  const ends = database.prepare<[], { oldest: number; newest: number }>(
    'SELECT coalesce(min(seq), 0) AS oldest, coalesce(max(seq), 0) AS newest FROM changes',
  );
  const after = database.prepare<[number], { seq: number; change: string }>(
    'SELECT seq, change FROM changes WHERE seq > ? ORDER BY seq',
  );
  return {
    append(change) {
      const seq = Number(insert.run(JSON.stringify(change)).lastInsertRowid);
      if (seq % TRIM_EVERY === 0) trim.run(seq - KEPT_CHANGES);
    },
    latest: () => ends.get()?.newest ?? 0,
    since(seq) {
      const { oldest, newest } = ends.get() ?? { oldest: 0, newest: 0 };
      // Beyond the newest: the reader followed another copy of this database.
      if (seq > newest || seq < oldest - 1) return undefined;
      return after.all(seq).map((row) => ({ ...JSON.parse(row.change), seq: row.seq }) as Change);
    },
  };
}
