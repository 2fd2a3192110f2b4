import type { Database } from 'better-sqlite3';
import { INITIAL_ENVIRONMENTS, PROVIDERS_ENVIRONMENT } from '../../core/index.js';
import { createIdMaker } from './new-id.js';

/** Gives a new database its id and first environments. Does nothing to one that has them. */
export function initialise(database: Database, nowMs: number): void {
  const insertMeta = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)');
  const insertEnvironment = database.prepare(
    'INSERT INTO environments (name, created_at_ms, reserved) VALUES (?, ?, ?)',
  );
  database
    .transaction(() => {
      if (readMeta(database, 'database_id') !== undefined) return;
      insertMeta.run('database_id', createIdMaker(() => nowMs)());
      for (const name of INITIAL_ENVIRONMENTS) insertEnvironment.run(name, nowMs, 0);
      insertEnvironment.run(PROVIDERS_ENVIRONMENT, nowMs, 1);
    })
    .immediate();
}

export type MetaName = 'database_id' | 'root_key' | 'rekey' | 'seen_time';

/** A fact about the whole database. */
export function readMeta(database: Database, name: MetaName): string | undefined {
  return database
    .prepare<[string], string>('SELECT value FROM meta WHERE name = ?')
    .pluck()
    .get(name);
}
