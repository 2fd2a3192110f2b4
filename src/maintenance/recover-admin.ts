import { join, resolve } from 'node:path';
import { AppError, type Clock, type Store, SYSTEM_ACTOR, type Tokens } from '../core/index.js';
import { type RootKeySource, writePrivateFile } from '../crypto/index.js';
import { openKeyferryStore } from '../open-store.js';

export interface RecoverAdminOptions {
  readonly dataDir: string;
  /** Default: the file `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  readonly clock: Clock;
}

export interface RecoveredAdmin {
  readonly name: string;
  /** Holds its token, for its owner alone. */
  readonly tokenFile: string;
}

/**
 * Makes an admin that can do everything, for who has the root key and the data folder but no token any more, and
 * puts its token into the folder. Other admins stay as they are. Throws what `openKeyferryStore` throws,
 * `data_folder_locked` while a server runs.
 */
export async function recoverAdmin(options: RecoverAdminOptions): Promise<RecoveredAdmin> {
  const { store, tokens } = await openKeyferryStore({ ...options, createIfMissing: false });
  try {
    const tokenFile = join(resolve(options.dataDir), 'admin-token');
    for (let number = 1; ; number++) {
      const name = number === 1 ? 'recovered-admin' : `recovered-admin-${number}`;
      if (await createAdmin(store, tokens, name, tokenFile)) return { name, tokenFile };
    }
  } finally {
    await store.close();
  }
}

/** False when the name is taken. */
async function createAdmin(
  store: Store,
  tokens: Tokens,
  name: string,
  tokenFile: string,
): Promise<boolean> {
  const { token, id: tokenId, hash: tokenHash } = tokens.mint('admin');
  try {
    await store.createAdmin({ actor: SYSTEM_ACTOR, name, role: 'admin', tokenId, tokenHash });
  } catch (error) {
    if (error instanceof AppError && error.code === 'name_taken') return false;
    throw error;
  }
  await writePrivateFile(tokenFile, `${token}\n`);
  await store.recordAudit({
    actor: SYSTEM_ACTOR,
    action: 'admin.recover',
    detail: { name },
  });
  return true;
}
