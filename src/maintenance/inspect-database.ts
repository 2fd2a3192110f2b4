import type { Clock, Store } from '../core/index.js';
import {
  createSealer,
  Keyring,
  loadRootKey,
  openStoredKeys,
  type RootKeySource,
} from '../crypto/index.js';
import { defaultRootKeyFile } from '../open-store.js';
import { openSqliteDatabase, type SqliteDatabase } from '../store/index.js';

/** Opens a database to look at it, also beside a server. The caller closes it. */
export async function inspectDatabase(options: {
  dataDir: string;
  rootKey?: RootKeySource | undefined;
  clock: Clock;
}): Promise<{ database: SqliteDatabase; store: Store }> {
  const { dataDir, clock } = options;
  const source = options.rootKey ?? { type: 'file', file: defaultRootKeyFile(dataDir) };
  const database = await openSqliteDatabase({
    dataDir,
    clock,
    mode: 'inspect',
    createIfMissing: false,
  });
  try {
    const { root, keys } = await database.keys();
    const keyring = new Keyring(await loadRootKey(source, root?.passphrase));
    return { database, store: await unlockDatabase(database, keyring, keys) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Opens the database's own keys with its root key, and with them the database. */
export async function unlockDatabase(
  database: SqliteDatabase,
  keyring: Keyring,
  keys: Parameters<typeof openStoredKeys>[2],
): Promise<Store> {
  const { audit } = openStoredKeys(keyring, database.databaseId, keys);
  return database.unlock({
    sealer: createSealer(keyring),
    audit: audit.map(({ id, key }) => ({ id, key: key.expose() })),
  });
}
