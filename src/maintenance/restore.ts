import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError, type Clock, requirePrivateMode, SYSTEM_ACTOR } from '../core/index.js';
import {
  decryptBackup,
  Keyring,
  loadRootKey,
  type RootKeySource,
  readBackupHeader,
  syncFolder,
} from '../crypto/index.js';
import { defaultRootKeyFile } from '../open-store.js';
import { openSqliteDatabase } from '../store/index.js';
import { unlockDatabase } from './inspect-database.js';

/** Where a backup is decrypted and checked before it takes its place. */
const STAGING = 'restore-';

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** Must not hold anything but the root key file. Created where it is missing. */
  readonly dataDir: string;
  /** The root key that the backup was made under. Default: `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  readonly clock: Clock;
}

export interface RestoreResult {
  readonly databaseId: string;
  /** When the backup was made. */
  readonly createdAtMs: number;
}

/**
 * Puts the database of a backup into an empty data folder, after it was decrypted, checked and opened with
 * the root key beside its place; a restore that fails or is killed leaves no database. Throws
 * `backup_invalid`, `root_key_wrong`, `root_key_missing`, `data_folder_unusable`, `database_newer`.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const dataDir = resolve(options.dataDir);
  const { createdAtMs, databaseId, passphrase } = await readBackupHeader(options.file);
  const source = options.rootKey ?? { type: 'file', file: defaultRootKeyFile(dataDir) };
  const keyring = new Keyring(await loadRootKey(source, passphrase));
  await requireEmpty(dataDir, source);
  const staging = await mkdtemp(join(dataDir, STAGING));
  try {
    const file = join(staging, 'keyferry.db');
    await pipeline(
      decryptBackup(options.file, keyring),
      createWriteStream(file, { flags: 'wx', mode: 0o600 }),
    );
    await proveUsable(staging, keyring, options.clock, { createdAtMs });
    await syncFile(file);
    const place = join(dataDir, 'keyferry.db');
    if (existsSync(place)) throw notEmpty(dataDir, 'keyferry.db');
    await rename(file, place);
    await syncFolder(dataDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { databaseId, createdAtMs };
}

/** Opens the copy as a server would, and records in it that it was restored. */
async function proveUsable(
  staging: string,
  keyring: Keyring,
  clock: Clock,
  detail: { createdAtMs: number },
): Promise<void> {
  const database = await openSqliteDatabase({
    dataDir: staging,
    clock,
    mode: 'own',
    createIfMissing: false,
  });
  try {
    const damage = await database.findDamage();
    if (damage.length > 0) {
      throw new AppError('backup_invalid', `The database in it is damaged: ${damage[0]}.`);
    }
    const { keys } = await database.keys();
    const store = await unlockDatabase(database, keyring, keys);
    await store.recordAudit({ actor: SYSTEM_ACTOR, action: 'backup.restore', detail });
  } finally {
    await database.close();
  }
}

async function requireEmpty(dataDir: string, source: RootKeySource): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  requirePrivateMode(dataDir, (await stat(dataDir)).mode, 'folder');
  const keyFile = source.type === 'file' ? resolve(source.file) : undefined;
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(STAGING)) await rm(join(dataDir, name), { recursive: true, force: true });
    else if (join(dataDir, name) !== keyFile) throw notEmpty(dataDir, name);
  }
}

function notEmpty(dataDir: string, name: string): AppError {
  return new AppError(
    'data_folder_unusable',
    `${dataDir} already holds ${name}. Restore into an empty folder (the root key file may lie in it), so that nothing is overwritten.`,
  );
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
