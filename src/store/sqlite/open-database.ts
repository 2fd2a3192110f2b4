import Database from 'better-sqlite3';
import { AppError } from '../../core/index.js';

/** Older ones can corrupt a database in WAL mode (https://sqlite.org/wal.html#walresetbug). */
const MINIMUM_SQLITE = [3, 51, 3] as const;

/** How long a command waits for another program's lock before it fails with `store_unavailable`. */
const BUSY_TIMEOUT_MS = 2_000;

/** Settings of every connection, and what SQLite must answer when asked for them. */
const SETTINGS: readonly [pragma: string, set: string, expected: string | number][] = [
  // An acknowledged write survives power loss. better-sqlite3's build would take NORMAL under WAL.
  ['synchronous', 'FULL', 2],
  ['foreign_keys', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['secure_delete', 'ON', 1],
  // So that INSERT OR REPLACE cannot go round the triggers on DELETE.
  ['recursive_triggers', 'ON', 1],
  ['cell_size_check', 'ON', 1],
  ['temp_store', 'MEMORY', 2],
];

/** Opens the database file with every setting in force. Throws `data_folder_unusable` when one is not. */
export function openDatabase(file: string, readonly: boolean): Database.Database {
  const database = new Database(file, { readonly, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    requireSqliteVersion(database);
    if (!readonly) database.pragma('journal_mode = WAL');
    requireSetting(database, 'journal_mode', 'wal');
    for (const [pragma, value, expected] of SETTINGS) {
      database.pragma(`${pragma} = ${value}`);
      requireSetting(database, pragma, expected);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function sqliteVersion(database: Database.Database): string {
  return String(database.prepare('SELECT sqlite_version()').pluck().get());
}

function requireSqliteVersion(database: Database.Database): void {
  const found = sqliteVersion(database);
  const parts = found.split('.').map(Number);
  for (const [index, minimum] of MINIMUM_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > minimum) return;
    if (part < minimum) {
      throw new AppError(
        'data_folder_unusable',
        `This build has SQLite ${found}, which can damage the database; expected ${MINIMUM_SQLITE.join('.')} or newer. Run npm ci.`,
      );
    }
  }
}

function requireSetting(
  database: Database.Database,
  pragma: string,
  expected: string | number,
): void {
  const found = database.pragma(pragma, { simple: true });
  if (found !== expected) {
    throw new AppError(
      'data_folder_unusable',
      `SQLite answers ${pragma} = ${String(found)}; expected ${expected}. The data folder must be on a local disk that supports locking and shared memory.`,
    );
  }
}
