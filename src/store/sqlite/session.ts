import type { Database } from 'better-sqlite3';
import { type AuditLog, createAuditLog } from './audit-log.js';
import { type ChangeLog, createChangeLog } from './change-log.js';
import { createLookup, type Lookup } from './lookup.js';
import { createIdMaker } from './new-id.js';
import { createRowLedger, headAltered, RowIsNewer, type RowLedger } from './row-ledger.js';
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
  /** Whether other connections write too. */
  readonly othersWrite: boolean;
  /**
   * From here on rows can be written and checked. With `acceptRows` they count as they are, whoever wrote them.
   * Throws `database_corrupt` when the head was altered.
   */
  unlock(keys: readonly AuditLogKey[], acceptRows: boolean): void;
  /** Runs a command as one transaction: all of it or nothing, durable when it returns. */
  write<T>(work: () => T): T;
  /** Runs several reads on one state of the database. */
  read<T>(work: () => T): T;
  /** Runs a command, which may write and read; where others write too, by what they have written until now. */
  run<T>(command: () => T): T;
}

export interface SessionOptions {
  readonly database: Database;
  readonly databaseId: string;
  readonly now: () => number;
  /** Their head is taken then. */
  readonly othersWrite: boolean;
}

export function createSession(options: SessionOptions): Session {
  const { database, databaseId, now, othersWrite } = options;
  const head = createSealedHead(database, databaseId);
  const audit = createAuditLog(database, databaseId, head, now);
  const ledger = createRowLedger(database, head, othersWrite);
  const dataVersion = database.prepare<[], number>('PRAGMA data_version').pluck();
  let knownVersion: number | undefined;
  let isUnlocked = false;

  /** Inside a transaction: takes the head that another connection has written. False where it does not fit. */
  const follow = (): boolean => {
    if (!othersWrite || !isUnlocked) return true;
    const version = dataVersion.get();
    if (version === knownVersion) return true;
    const fits = ledger.refresh();
    knownVersion = fits ? version : undefined;
    return fits;
  };

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
    othersWrite,
    newId: createIdMaker(now),
    audit,
    ledger,
    changes: createChangeLog(database),
    lookup: createLookup(database, ledger),
    unlock(keys, acceptRows) {
      head.unlock(keys);
      ledger.load({ accept: acceptRows });
      isUnlocked = true;
    },
    write(work) {
      let committed = false;
      try {
        const result = database
          .transaction(() => {
            if (!follow()) throw headAltered();
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
          follow();
          return work();
        })
        .deferred(),
    run(command) {
      if (!othersWrite) return command();
      database.transaction(follow).deferred();
      try {
        return command();
      } catch (error) {
        // Another process wrote after that, and before a row was read: then all of it on one state.
        if (error instanceof RowIsNewer) return this.read(command);
        throw error;
      }
    },
  };
}
