/** Once a day: prunes what is older than the audit log is kept, and states in the program log what it is now. */
import { type Clock, type Signer, type Store, signCheckpoint } from './core/index.js';
import type { Log } from './telemetry/index.js';

const EVERY_MS = 86_400_000;

export interface AuditKeeping {
  /** Ends with what is under way. */
  close(): Promise<void>;
}

export interface KeepAuditOptions {
  readonly store: Pick<Store, 'databaseId' | 'auditPosition' | 'pruneAudit'>;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
  readonly retentionDays: number;
}

/** Begins at once. What fails is logged, and tried again the next day. */
export function keepAudit(options: KeepAuditOptions): AuditKeeping {
  const { store, signer, clock, log, retentionDays } = options;
  let closed = false;
  const prune = async (): Promise<void> => {
    let rows = 0;
    for (let more = true; more && !closed; ) {
      const pruned = await store.pruneAudit({ retentionDays });
      rows += pruned.rows;
      more = pruned.more;
      if (pruned.firstBroken !== undefined) log.warn('audit_altered', { row: pruned.firstBroken });
    }
    if (rows > 0) log.info('audit_pruned', { rows });
  };
  const keep = async (): Promise<void> => {
    try {
      await prune();
      const position = await store.auditPosition();
      const checkpoint = signCheckpoint(position, store.databaseId, clock.now(), signer);
      log.info('audit_checkpoint', { ...checkpoint });
    } catch (error) {
      if (!closed) log.error('audit_not_kept', error);
    }
  };
  let underWay = keep();
  const timer = setInterval(() => {
    underWay = underWay.then(keep);
  }, EVERY_MS);
  timer.unref();
  return {
    close() {
      closed = true;
      clearInterval(timer);
      return underWay;
    },
  };
}
