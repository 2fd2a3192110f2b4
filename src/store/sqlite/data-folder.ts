import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { AppError, requirePrivateMode } from '../../core/index.js';
import { translateError } from './error-across-threads.js';

const DATABASE_FILE = 'keyferry.db';
const LOCK_FILE = 'keyferry.lock';
/** What a killed backup leaves behind. */
const STALE = /^backup-[^/]*\.tmp(-journal|-wal|-shm)?$/;

/** Makes the data folder where it is missing and allowed, and refuses one that others may reach. */
export function prepareDataFolder(dataDir: string, createIfMissing: boolean): string {
  const file = join(dataDir, DATABASE_FILE);
  if (createIfMissing) atEdge(dataDir, () => mkdirSync(dataDir, { recursive: true, mode: 0o700 }));
  requireExisting(dataDir, 'folder');
  for (const name of [DATABASE_FILE, `${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`, LOCK_FILE]) {
    const stats = statSync(join(dataDir, name), { throwIfNoEntry: false });
    if (stats !== undefined) requirePrivateMode(join(dataDir, name), stats.mode, 'file');
  }
  if (!createIfMissing) requireExisting(file, 'file');
  return file;
}

/**
 * Holds the data folder for this process until `close`, by an exclusive transaction on a file of its own:
 * the operating system lets go of it when the process ends, however it ends. Throws `data_folder_locked`, `data_folder_unusable`.
 */
export function lockDataFolder(dataDir: string): { close(): void } {
  const file = join(dataDir, LOCK_FILE);
  atEdge(dataDir, () => {
    // SQLite would take a folder that can only be read, and say so later by less.
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    createPrivate(file);
  });
  let lock: Database.Database | undefined;
  try {
    lock = new Database(file, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    throw refuseFolder(dataDir, cause);
  }
}

function refuseFolder(dataDir: string, cause: unknown): AppError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_BUSY') {
    return new AppError(
      'data_folder_locked',
      `Another Keyferry uses the data folder ${dataDir}. Stop it first, or choose another folder with --data-dir.`,
      { cause },
    );
  }
  const { message } = translateError(cause);
  return new AppError(
    'data_folder_unusable',
    `The data folder ${dataDir} cannot be locked. ${message} It must be on a local disk that can be written and has room.`,
    { cause },
  );
}

/** Under the lock: creates the database file, and removes what a killed process left. */
export function createDatabaseFile(dataDir: string, file: string): void {
  atEdge(dataDir, () => {
    createPrivate(file);
    for (const name of readdirSync(dataDir)) {
      if (STALE.test(name)) rmSync(join(dataDir, name), { force: true });
    }
  });
}

/**
 * Creates a 0600 file unless it is there. SQLite gives its `-wal` and `-shm` the same mode. An existing file
 * is not opened: closing it would drop the POSIX locks that this process has on it.
 */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function requireExisting(path: string, kind: 'file' | 'folder'): void {
  const stats = atEdge(path, () => statSync(path, { throwIfNoEntry: false }));
  if (stats === undefined || stats.isDirectory() !== (kind === 'folder')) {
    throw new AppError(
      'data_folder_unusable',
      `There is no ${kind === 'file' ? 'database' : 'data folder'} at ${path}. Check --data-dir; \`keyferry serve\` creates a new one.`,
    );
  }
  requirePrivateMode(path, stats.mode, kind);
}

function atEdge<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new AppError('data_folder_unusable', `${path} cannot be used${code}.`, { cause });
  }
}
