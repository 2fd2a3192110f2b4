import type { Database } from 'better-sqlite3';
import { type AuditLog, createAuditLog } from './audit-log.js';
import { type ChangeLog, createChangeLog } from './change-log.js';
import { createLookup, type Lookup } from './lookup.js';
import { createIdMaker } from './new-id.js';

/** What the commands of one open database share. */
export interface Session {
  readonly database: Database;
  readonly databaseId: string;
  /** Time of the command that runs, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly audit: AuditLog;
  readonly changes: ChangeLog;
  readonly lookup: Lookup;
  /** Runs a command as one transaction: all of it or nothing, durable when it returns. */
  write<T>(work: () => T): T;
  /** Runs several reads on one state of the database. */
  read<T>(work: () => T): T;
}

export function createSession(database: Database, databaseId: string, now: () => number): Session {
  return {
    database,
    databaseId,
    now,
    newId: createIdMaker(now),
    audit: createAuditLog(database, databaseId, now),
    changes: createChangeLog(database),
    lookup: createLookup(database),
    write: (work) => database.transaction(work).immediate(),
    read: (work) => database.transaction(work).deferred(),
  };
}
