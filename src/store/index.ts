/**
 * store: facts at rest behind the `Store` port, in an embedded SQLite database that a worker thread owns.
 * The only home of better-sqlite3. Imports core/ and Node's own modules; sealing is handed to it.
 */

export {
  openSqliteDatabase,
  type SqliteDatabase,
  type SqliteOptions,
} from './open-sqlite-database.js';
export { takeStartTurn } from './sqlite/data-folder.js';
export {
  type DatabaseKeys,
  type RootKeyFacts,
  SEALED_PLACES,
  type WrappedValue,
} from './sqlite/stored-keys.js';
