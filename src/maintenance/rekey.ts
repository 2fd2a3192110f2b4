import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, type Clock, type StoredKey, SYSTEM_ACTOR } from '../core/index.js';
import {
  generateRootKey,
  Keyring,
  loadRootKey,
  newPassphraseParameters,
  openStoredKeys,
  type RootKeySource,
  rewrap,
  rewrapStoredKeys,
  syncFolder,
  writeRootKey,
} from '../crypto/index.js';
import { defaultRootKeyFile, nextRootKeyFile } from '../open-store.js';
import {
  openSqliteDatabase,
  type RootKeyFacts,
  SEALED_PLACES,
  type SqliteDatabase,
} from '../store/index.js';
import { unlockDatabase } from './inspect-database.js';

/** Values rewrapped in one transaction: each is a wait for the disk. */
const BATCH_VALUES = 1_000;

export interface RekeyOptions {
  readonly dataDir: string;
  /** The root key that is in use. Default: the file `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  /** The new one. Default, where the old one is a file: a random key, which takes that file's place. */
  readonly newRootKey?: RootKeySource | undefined;
  readonly clock: Clock;
  readonly onProgress?: (progress: { rewrapped: number }) => void;
}

export interface RekeyResult {
  /** The id of the root key that the database is under now. */
  readonly rootKeyId: string;
  /** Values rewrapped by this run. */
  readonly rewrapped: number;
  /** An earlier run was interrupted, and this one went on from there. */
  readonly resumed: boolean;
  /** Where the old key is kept, for backups made before: they need it. */
  readonly oldRootKeyFile?: string;
}

/**
 * Wraps all keys of a database under a new root key; no value is touched. It may be killed at any point:
 * `keyferry serve` then fails with `rekey_unfinished`, and running `rekey` again goes on. The steps:
 *
 * 1. a new key that takes the old one's place is written to `master.key.next`, durably;
 * 2. one transaction records the rekey, with the server's own keys wrapped under the new root key;
 * 3. the values' keys are rewrapped, a batch a transaction; each row says which root key it is under;
 * 4. one transaction makes the new root key the only one;
 * 5. `master.key` becomes `master.key.old-<id>`, `master.key.next` becomes `master.key`.
 *
 * Throws what `openSqliteDatabase` and `loadRootKey` throw, `root_key_wrong`, and `config_invalid` when the
 * new root key is missing or is the old one. A new root key that was given must be given again to resume.
 */
export async function rekey(options: RekeyOptions): Promise<RekeyResult> {
  const { dataDir, clock } = options;
  const source = options.rootKey ?? { type: 'file', file: defaultRootKeyFile(dataDir) };
  const database = await openSqliteDatabase({
    dataDir,
    clock,
    mode: 'own',
    createIfMissing: false,
  });
  try {
    if (options.newRootKey !== undefined) {
      return await rewrapAll(database, { ...options, source, newSource: options.newRootKey });
    }
    if (source.type !== 'file') {
      throw new AppError(
        'config_invalid',
        'The root key is not a file, so a new one cannot take its place by itself: give the new root key.',
      );
    }
    return await replaceKeyFile(database, options, source.file);
  } finally {
    await database.close();
  }
}

/** Steps 1 and 5 around the others. */
async function replaceKeyFile(
  database: SqliteDatabase,
  options: RekeyOptions,
  file: string,
): Promise<RekeyResult> {
  const next = nextRootKeyFile(file);
  const { root, rekey: pending } = await database.keys();
  if (existsSync(next) && pending === undefined && (await idOf(next)) === root?.rootKeyId) {
    const moved = await moveNextIntoPlace(file, next);
    return { ...moved, rootKeyId: root.rootKeyId, rewrapped: 0, resumed: true };
  }
  if (!existsSync(next)) {
    if (pending !== undefined) {
      throw new AppError(
        'root_key_missing',
        `A rekey began with the new root key in ${next}, and that file is gone. Put it back and run \`keyferry rekey\` again.`,
      );
    }
    await loadRootKey({ type: 'file', file });
    await writeRootKey(next, generateRootKey());
  }
  const result = await rewrapAll(database, {
    ...options,
    source: { type: 'file', file },
    newSource: { type: 'file', file: next },
  });
  return { ...result, ...(await moveNextIntoPlace(file, next)) };
}

/** Steps 2 to 4. */
async function rewrapAll(
  database: SqliteDatabase,
  options: RekeyOptions & { source: RootKeySource; newSource: RootKeySource },
): Promise<RekeyResult> {
  const { root, rekey: pending, keys } = await database.keys();
  if (root === undefined) {
    throw new AppError('data_folder_unusable', 'The database has no keys yet: nothing to rekey.');
  }
  const passphrase =
    options.newSource.type === 'passphrase'
      ? (pending?.passphrase ?? newPassphraseParameters())
      : undefined;
  const from = new Keyring(await loadRootKey(options.source, root.passphrase));
  const to = new Keyring(await loadRootKey(options.newSource, passphrase));
  if (from.rootKeyId === to.rootKeyId) {
    throw new AppError('config_invalid', 'The new root key is the one that is in use already.');
  }
  openStoredKeys(from, database.databaseId, under(root, keys));
  let newKeys = pending === undefined ? [] : under(pending, keys);
  if (pending === undefined) {
    newKeys = rewrapStoredKeys(from, to, database.databaseId, keys);
    await database.beginRekey({ root: { rootKeyId: to.rootKeyId, passphrase }, keys: newKeys });
  }
  openStoredKeys(to, database.databaseId, newKeys);
  const rewrapped = await rewrapValues(database, from, to, options.onProgress);
  await unlockDatabase(database, to, newKeys);
  await database.finishRekey({ actor: SYSTEM_ACTOR });
  return {
    rootKeyId: to.rootKeyId,
    rewrapped,
    resumed: pending !== undefined,
  };
}

async function rewrapValues(
  database: SqliteDatabase,
  from: Keyring,
  to: Keyring,
  onProgress: RekeyOptions['onProgress'],
): Promise<number> {
  let rewrapped = 0;
  for (const place of SEALED_PLACES) {
    for (let after = 0; ; ) {
      const limit = BATCH_VALUES;
      const found = await database.valuesNotUnder({
        place,
        rootKeyId: to.rootKeyId,
        after,
        limit,
      });
      const last = found.at(-1);
      if (last === undefined) break;
      const values = found.map(({ position, context, sealed }) => ({
        position,
        sealed: rewrap(sealed, context, from, to),
      }));
      await database.rewrapValues({ place, values });
      after = last.position;
      rewrapped += values.length;
      onProgress?.({ rewrapped });
    }
  }
  return rewrapped;
}

function under(root: RootKeyFacts, keys: readonly StoredKey[]): StoredKey[] {
  return keys.filter((key) => key.rootKeyId === root.rootKeyId);
}

async function idOf(file: string): Promise<string> {
  return new Keyring(await loadRootKey({ type: 'file', file })).rootKeyId;
}

/** Step 5. An earlier run may have been killed between the two renames. */
async function moveNextIntoPlace(file: string, next: string): Promise<{ oldRootKeyFile?: string }> {
  const moved: { oldRootKeyFile?: string } = {};
  if (existsSync(file)) {
    moved.oldRootKeyFile = `${file}.old-${await idOf(file)}`;
    await rename(file, moved.oldRootKeyFile);
    await syncFolder(dirname(file));
  }
  await rename(next, file);
  await syncFolder(dirname(file));
  return moved;
}
