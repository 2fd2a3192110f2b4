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
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { AppError, requirePrivateMode } from '../../core/index.js';
import { translateError } from './error-across-threads.js';

const DATABASE_FILE = 'keyferry.db';
const LOCK_FILE = 'keyferry.lock';
const START_FILE = 'keyferry-start.lock';
const LONGEST_START_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** What a killed backup leaves behind. */
const STALE = /^backup-[^/]*\.tmp(-journal|-wal|-shm)?$/;

/** Makes the data folder where it is missing and allowed, and refuses one that others may reach. */
export function prepareDataFolder(dataDir: string, createIfMissing: boolean): string {
  const file = join(dataDir, DATABASE_FILE);
  if (createIfMissing) atEdge(dataDir, () => mkdirSync(dataDir, { recursive: true, mode: 0o700 }));
  requireExisting(dataDir, 'folder');
  const wal = [`${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`];
  for (const name of [DATABASE_FILE, ...wal, LOCK_FILE, START_FILE]) {
    const stats = statSync(join(dataDir, name), { throwIfNoEntry: false });
    if (stats !== undefined) requirePrivateMode(join(dataDir, name), stats.mode, 'file');
  }
  if (!createIfMissing) requireExisting(file, 'file');
  return file;
}

/** A data folder that is held until `close`. */
export interface FolderLock {
  /** Nobody else has it: the database may be created and migrated. */
  readonly alone: boolean;
  /** Lets others that share it in, and keeps out those that do not. Does nothing where it is not to be shared. */
  share(): void;
  close(): void;
}

/**
 * Holds the data folder for this process until `close`, by a transaction on a file of its own, exclusive where it is
 * not to be shared: the operating system lets go of it when the process ends, however it ends. Throws
 * `data_folder_locked`, `data_folder_unusable`.
 */
export function lockDataFolder(dataDir: string, isShared: boolean): FolderLock {
  const file = join(dataDir, LOCK_FILE);
  prepareLock(dataDir, file);
  let lock: Database.Database | undefined;
  try {
    const held = new Database(file, { timeout: 0 });
    lock = held;
    const alone = begin(held, isShared);
    return {
      alone,
      share() {
        if (!isShared || !alone) return;
        held.exec('COMMIT');
        beginShared(held);
      },
      close: () => void held.close(),
    };
  } catch (cause) {
    lock?.close();
    throw refuseFolder(dataDir, cause);
  }
}

/**
 * One after the other: servers that share a data folder start alone. Waits for the others' start, and for no longer
 * than that should take: throws `data_folder_locked`; the reason of `giveUp` when that is aborted meanwhile.
 */
export async function takeStartTurn(
  dataDir: string,
  giveUp: AbortSignal,
): Promise<{ close(): void }> {
  prepareDataFolder(dataDir, true);
  const file = join(dataDir, START_FILE);
  prepareLock(dataDir, file);
  const turn = new Database(file, { timeout: 0 });
  const deadlineMs = performance.now() + LONGEST_START_MS;
  try {
    while (!hasTurn(turn, deadlineMs)) await sleep(LOOK_EVERY_MS, undefined, { signal: giveUp });
    return turn;
  } catch (cause) {
    turn.close();
    giveUp.throwIfAborted();
    throw refuseFolder(dataDir, cause);
  }
}

/** Throws when others have had it for too long. */
function hasTurn(turn: Database.Database, deadlineMs: number): boolean {
  try {
    turn.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (cause) {
    if (isBusy(cause) && performance.now() < deadlineMs) return false;
    throw cause;
  }
}

function prepareLock(dataDir: string, file: string): void {
  atEdge(dataDir, () => {
    // SQLite would take a folder that can only be read, and say so later by less.
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    createPrivate(file);
  });
}

/** Whether nobody else has it. */
function begin(lock: Database.Database, isShared: boolean): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (cause) {
    if (!isShared || !isBusy(cause)) throw cause;
    beginShared(lock);
    return false;
  }
}

function beginShared(lock: Database.Database): void {
  lock.exec('BEGIN');
  lock.prepare('SELECT count(*) FROM sqlite_schema').get();
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_BUSY';
}

function refuseFolder(dataDir: string, cause: unknown): AppError {
  if (isBusy(cause)) {
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

/** Under the lock, and alone: creates the database file, and removes what a killed process left. */
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
