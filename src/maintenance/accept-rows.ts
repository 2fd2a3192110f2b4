import { resolve } from 'node:path';
import { type Clock, type RowVerification, SYSTEM_ACTOR } from '../core/index.js';
import type { RootKeySource } from '../crypto/index.js';
import { openKeyferryStore } from '../open-store.js';
import { inspectDatabase } from './inspect-database.js';

export interface AcceptRowsOptions {
  readonly dataDir: string;
  /** Default: the file `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  readonly clock: Clock;
}

/** Names in the audit row: enough to know what was meant. */
const NAMED = 50;

/**
 * Takes the rows of a database as they are now, also those that another program altered, and records which
 * ones. Only for someone who has looked at them: what they say holds from then on. Throws what
 * `openKeyferryStore` throws, `data_folder_locked` while a server runs.
 */
export async function acceptRows({
  dataDir,
  rootKey,
  clock,
}: AcceptRowsOptions): Promise<RowVerification> {
  const inspected = await inspectDatabase({ dataDir: resolve(dataDir), rootKey, clock });
  const found = await inspected.database.verifyRows().finally(() => inspected.database.close());
  const { store } = await openKeyferryStore({
    dataDir,
    rootKey,
    clock,
    createIfMissing: false,
    acceptRows: true,
  });
  try {
    const { altered, missing, headFits } = found;
    const detail = { altered: altered.slice(0, NAMED), count: altered.length, missing, headFits };
    await store.recordAudit({ actor: SYSTEM_ACTOR, action: 'rows.accept', detail });
  } finally {
    await store.close();
  }
  return found;
}
