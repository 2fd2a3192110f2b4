/** Opens the store of a server: alone, or together with other servers, each of which starts after the other. */
import { resolve } from 'node:path';
import type { Settings } from './config/index.js';
import type { Clock } from './core/index.js';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.js';
import { presumeUses } from './keep-heartbeat.js';
import { type OpenedStore, openKeyferryStore } from './open-store.js';
import { takeStartTurn } from './store/index.js';
import type { Log } from './telemetry/index.js';

export interface ServedStore extends OpenedStore {
  readonly firstAdmin: FirstAdmin;
}

/**
 * Makes what a first start finds missing, up to the first admin, and makes up for an unclean stop. Throws what
 * `openKeyferryStore` throws.
 * `giveUp` ends it at once, and the store also later, as if the process were killed.
 */
export async function openForServing(
  { dataDir, rootKey, shared }: Pick<Settings, 'dataDir' | 'rootKey' | 'shared'>,
  clock: Clock,
  log: Log,
  giveUp: AbortSignal,
): Promise<ServedStore> {
  giveUp.throwIfAborted();
  const turn = shared ? await takeStartTurn(resolve(dataDir), giveUp) : undefined;
  try {
    const options = { dataDir, rootKey, clock, createIfMissing: true, shared, giveUp };
    const opened = await openKeyferryStore(options);
    try {
      await presumeUses(opened.store, log);
      const firstAdmin = await ensureFirstAdmin(opened.store, opened.tokens, dataDir, clock);
      return { ...opened, firstAdmin };
    } catch (error) {
      await opened.store.close();
      throw error;
    }
  } finally {
    turn?.close();
  }
}
