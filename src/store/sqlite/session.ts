import type { Database } from 'better-sqlite3';
import { type AuditLog, createAuditLog } from './audit-log.js';
import { type ChangeLog, createChangeLog } from './change-log.js';
import { createLookup, type Lookup } from './lookup.js';
import { createIdMaker } from './new-id.js';
import { createRowLedger, type RowLedger } from './row-ledger.js';
import { type AuditLogKey, createSealedHead } from './sealed-head.js';

/** What the commands of one open database share. */
export interface Session {
  readonly database: Database;
  readonly databaseId: string;
  /** Time of the command that runs, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly audit: AuditLog;
  readonly ledger: RowLedger;
  readonly changes: ChangeLog;
  readonly lookup: Lookup;
  /**
   * From here on rows can be written and checked. With `acceptRows` they count as they are, whoever wrote them.
   * Throws `database_corrupt` when the head was altered.
   */
  unlock(keys: readonly AuditLogKey[], acceptRows: boolean): void;
  /** Runs a command as one transaction: all of it or nothing, durable when it returns. */
  write<T>(work: () => T): T;
  /** Runs several reads on one state of the database. */
  read<T>(work: () => T): T;
}

export function createSession(database: Database, databaseId: string, now: () => number): Session {
  const head = createSealedHead(database, databaseId);
  const audit = createAuditLog(database, databaseId, head, now);
  const ledger = createRowLedger(database, head);

  /** At the end of a transaction: one head for what it changed. */
  const saveHead = (before: number): void => {
    const buckets = ledger.settle();
    const { seq, mac } = audit.newest();
    if (buckets === undefined && seq === before) return;
    head.save({ seq, rowMac: mac, buckets: buckets ?? ledger.buckets });
  };
  return {
    database,
    databaseId,
    now,
    newId: createIdMaker(now),
    audit,
    ledger,
    changes: createChangeLog(database),
    lookup: createLookup(database, ledger),
    unlock(keys, acceptRows) {
      head.unlock(keys);
      ledger.load({ accept: acceptRows });
    },
    write(work) {
      let committed = false;
      try {
        const result = database
          .transaction(() => {
            const { seq } = audit.newest();
            const answer = work();
            saveHead(seq);
            return answer;
          })
          .immediate();
        committed = true;
        return result;
      } finally {
        ledger.finish(committed);
        head.finish(committed);
      }
    },
    read: (work) =>
      database
        .transaction(() => {
          // Beside a server: it goes on writing, and its head with it.
          if (database.readonly) ledger.refresh();
          return work();
        })
        .deferred(),
  };
}
