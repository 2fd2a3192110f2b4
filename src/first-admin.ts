/** The first admin: made when there is none, its token kept where the command line finds it. */
import { join, resolve } from 'node:path';
import { type Admin, type Clock, type Store, SYSTEM_ACTOR, type Tokens } from './core/index.js';
import { writePrivateFile } from './crypto/index.js';

export interface FirstAdmin {
  readonly tokenFile: string;
  /** Made by this start. */
  readonly created: boolean;
}

/**
 * Makes the first admin and its token file when the store has no usable admin of role `admin`. The token is
 * in the file before its hash is in the store, so a crash in between leaves nobody locked out: the next
 * start finds no admin and makes another.
 */
export async function ensureFirstAdmin(
  store: Store,
  tokens: Tokens,
  dataDir: string,
  clock: Clock,
): Promise<FirstAdmin> {
  const tokenFile = join(resolve(dataDir), 'admin-token');
  if (await hasAdmin(store, clock.now())) return { tokenFile, created: false };
  const { token, id: tokenId, hash: tokenHash } = tokens.mint('admin');
  await writePrivateFile(tokenFile, `${token}\n`);
  await store.createAdmin({
    actor: SYSTEM_ACTOR,
    name: 'first-admin',
    role: 'admin',
    tokenId,
    tokenHash,
  });
  return { tokenFile, created: true };
}

async function hasAdmin(store: Store, nowMs: number): Promise<boolean> {
  const isUsable = ({ role, revokedAtMs, expiresAtMs }: Admin): boolean =>
    role === 'admin' && revokedAtMs === null && (expiresAtMs === null || nowMs < expiresAtMs);
  let cursor: string | undefined;
  do {
    const page = await store.listAdmins({ cursor, limit: 1000 });
    if (page.items.some(isUsable)) return true;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return false;
}
