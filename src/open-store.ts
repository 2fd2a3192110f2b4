import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  AppError,
  type Clock,
  type SecretValue,
  type Signer,
  type Store,
  type Tokens,
} from './core/index.js';
import {
  createSealer,
  createSigner,
  createStoredKeys,
  createTokens,
  encryptBackup,
  generateRootKey,
  Keyring,
  loadRootKey,
  newPassphraseParameters,
  openStoredKeys,
  type RootKeySource,
  writeRootKey,
} from './crypto/index.js';
import { openSqliteDatabase, type RootKeyFacts, type SqliteDatabase } from './store/index.js';

export type { RootKeySource } from './crypto/index.js';

export interface OpenStoreOptions {
  readonly dataDir: string;
  /** Default: the file `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  readonly clock: Clock;
  /** Creates what a first start finds missing: data folder, database, and the default root key file. */
  readonly createIfMissing: boolean;
  /** Other processes use it at the same time, all of them so. Default: this one alone. */
  readonly shared?: boolean | undefined;
  /** Takes every row as it is now, whoever wrote it. */
  readonly acceptRows?: boolean | undefined;
  /** Ends the store when it is aborted, as if the process were killed: what it was doing is not done. */
  readonly giveUp?: AbortSignal | undefined;
}

export interface OpenedStore {
  readonly store: Store;
  readonly tokens: Tokens;
  /** For what is stated about the audit log. */
  readonly signer: Signer;
  /** The database is new: there is no admin yet. */
  readonly created: boolean;
  /** Names the root key without telling it. */
  readonly rootKeyId: string;
  /** Streams a consistent, encrypted copy of the database, while it is in use. */
  backup(): AsyncIterable<Uint8Array>;
}

/** The root key file of a data folder, where nothing else is said. */
export function defaultRootKeyFile(dataDir: string): string {
  return join(resolve(dataDir), 'master.key');
}

/**
 * Opens the store of a data folder and holds the folder until `store.close()`. Throws what
 * `openSqliteDatabase` and `loadRootKey` throw, `database_corrupt`, and `root_key_missing` (there is a database but no key: a
 * new one is never made then), `root_key_wrong`, `rekey_unfinished`.
 */
export async function openKeyferryStore(options: OpenStoreOptions): Promise<OpenedStore> {
  const { dataDir, clock, createIfMissing, shared = false, giveUp } = options;
  const mode = shared ? 'shared' : 'own';
  const database = await openSqliteDatabase({ dataDir, clock, mode, createIfMissing, giveUp });
  try {
    return await unlockStore(database, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function unlockStore(
  database: SqliteDatabase,
  { dataDir, rootKey, clock, createIfMissing, acceptRows = false }: OpenStoreOptions,
): Promise<OpenedStore> {
  const source = rootKey ?? { type: 'file', file: defaultRootKeyFile(dataDir) };
  const { root, rekey, keys } = await database.keys();
  if (rekey !== undefined) throw rekeyUnfinished();
  if (root !== undefined) refuseHalfRenamedKey(source);
  const created = root === undefined;
  const passphrase =
    created && source.type === 'passphrase' ? newPassphraseParameters() : root?.passphrase;
  const keyring = new Keyring(
    await loadOrCreateRootKey(source, dataDir, { created, createIfMissing, passphrase }),
  );
  const { databaseId } = database;
  const rootFacts: RootKeyFacts = { rootKeyId: keyring.rootKeyId, passphrase };
  const stored = created ? createStoredKeys(keyring, databaseId) : keys;
  if (created) await database.createKeys({ root: rootFacts, keys: stored });
  const opened = openStoredKeys(keyring, databaseId, stored);
  const store = await database.unlock({
    sealer: createSealer(keyring),
    audit: opened.audit.map(({ id, key }) => ({ id, key: key.expose() })),
    acceptRows,
  });
  return {
    store,
    tokens: createTokens(opened.tokens),
    signer: createSigner(keyring),
    created,
    rootKeyId: keyring.rootKeyId,
    async *backup() {
      const copy = join(resolve(dataDir), `backup-${randomUUID()}.tmp`);
      try {
        await store.copyTo(copy);
        const about = { databaseId, createdAtMs: clock.now(), passphrase };
        yield* encryptBackup(copy, keyring, about);
      } finally {
        await rm(copy, { force: true });
      }
    },
  };
}

async function loadOrCreateRootKey(
  source: RootKeySource,
  dataDir: string,
  {
    created,
    createIfMissing,
    passphrase,
  }: Pick<RootKeyFacts, 'passphrase'> & {
    created: boolean;
    createIfMissing: boolean;
  },
): Promise<SecretValue> {
  try {
    return await loadRootKey(source, passphrase);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'root_key_missing') throw error;
    if (source.type !== 'file' || existsSync(source.file)) throw error;
    if (!created) {
      throw new AppError(
        'root_key_missing',
        `There is no root key file ${source.file}, but there is a database that needs it. Put the key back (from where it is kept safe), or name its place with --root-key-file. A new key would not open the database, so none is made.`,
        { cause: error },
      );
    }
    if (!createIfMissing || resolve(source.file) !== defaultRootKeyFile(dataDir)) throw error;
    const key = generateRootKey();
    await writeRootKey(source.file, key);
    return key;
  }
}

/** The place of a new root key until a rekey has put it in the place of the old one. */
export function nextRootKeyFile(file: string): string {
  return `${file}.next`;
}

export function rekeyUnfinished(): AppError {
  return new AppError(
    'rekey_unfinished',
    'A rekey of this database was interrupted. Run `keyferry rekey` again: it goes on where it stopped.',
  );
}

/** A rekey that was interrupted at its very end has the new key in the database and beside its place. */
function refuseHalfRenamedKey(source: RootKeySource): void {
  if (source.type === 'file' && existsSync(nextRootKeyFile(source.file))) throw rekeyUnfinished();
}
