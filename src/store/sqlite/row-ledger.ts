import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { AppError, type RowVerification } from '../../core/index.js';
import { createLedgerBucket, EMPTY_BUCKET, entryOf, withEntries } from './ledger-bucket.js';
import { createRowNames } from './row-names.js';
import { equalBytes, FIRST_MAC, type SealedHead } from './sealed-head.js';
import {
  rowDigest,
  rowKey,
  SEALED_TABLE_NAMES,
  SEALED_TABLES,
  type SealedTableName,
  type SealedValue,
  sealedColumns,
} from './sealed-tables.js';
import { verifyRows } from './verify-rows.js';
import { watchSealedTables } from './watch-sealed-tables.js';

const BUCKETS = 256;
const DIGEST_BYTES = 32;

/**
 * What every row of the sealed tables is to say. The ledger holds a digest of each row, the head the digest of
 * each part of the ledger, and the head's mac is under the audit key: a row that was altered, exchanged, put
 * back from an older state, added or removed by another program does not fit, and neither does a part of the
 * ledger that was put back with it.
 */
export interface RowLedger {
  /**
   * Reads the head. A new or older database gets its ledger now; with `accept` every row counts as it is.
   * Throws `database_corrupt` when the head does not fit; where nothing may be written, no row holds then.
   */
  load(options: { accept: boolean }): void;
  /** Whether a row of this connection's own transaction, with all sealed columns, is as it was written. */
  holds(table: SealedTableName, row: object): boolean;
  /** Throws `database_corrupt` where `holds` is false. */
  requireIntact(table: SealedTableName, row: object): void;
  /** Whether there is to be a row with this key. */
  expects(table: SealedTableName, key: readonly SealedValue[]): boolean;
  /** Where another connection writes: takes its head. False where that does not fit; then no row holds. */
  refresh(): boolean;
  /**
   * Writes what the transaction changed, and the digests for the head; undefined when it changed no sealed
   * row. Throws `database_corrupt` when it changed a row that did not hold.
   */
  settle(): Uint8Array | undefined;
  readonly buckets: Uint8Array;
  /** After the transaction: it was committed, or not. */
  finish(committed: boolean): void;
  /** Rows that were looked at, did not hold, and did not hold later: by name. */
  altered(): string[];
  /** Looks at every row. */
  verify(): Promise<RowVerification>;
}

type Bytes = Uint8Array;

/** Outside of a transaction, a row may be newer than the head by which it was judged. */
export class RowIsNewer extends Error {}

export function createRowLedger(
  database: Database,
  head: SealedHead,
  othersWrite: boolean,
): RowLedger {
  const names = createRowNames(database);
  const stored = createLedgerBucket(database);
  const watched = database.readonly ? undefined : watchSealedTables(database);
  const noticed = new Map<string, string>();
  let digests: Bytes = new Uint8Array(0);
  let loaded: (Buffer | undefined)[] = [];
  let settled: { digests: Bytes; changed: Map<number, Buffer> } | undefined;

  const take = (buckets: Bytes): void => {
    const before = digests;
    digests = buckets;
    const same = (index: number): boolean =>
      before.byteLength > 0 && equalBytes(digestAt(before, index), digestAt(buckets, index));
    loaded = loaded.map((bytes, index) => (same(index) ? bytes : undefined));
  };
  /** Undefined where the stored bucket is not the one that the head names. */
  const bucket = (index: number): Buffer | undefined => {
    const known = loaded[index];
    if (known !== undefined) return known;
    if (digests.byteLength === 0) return undefined;
    const found = stored.get(index);
    if (!equalBytes(sha256(found), digestAt(digests, index))) return undefined;
    loaded[index] = found;
    return found;
  };
  const expected = (key: Buffer): Bytes | undefined => {
    if (watched !== undefined && watched.changes.size > 0) {
      const pending = watched.changes.get(key.toString('hex'));
      if (pending !== undefined) return pending.digest;
    }
    const entries = bucket(key[0] ?? 0);
    return entries === undefined ? undefined : entryOf(entries, key);
  };
  const holds = (table: SealedTableName, values: readonly SealedValue[]): boolean => {
    const key = rowKey(table, values.slice(0, SEALED_TABLES[table].key.length));
    const digest = expected(key);
    const fits = digest !== undefined && equalBytes(digest, rowDigest(table, values));
    if (!fits && othersWrite && !database.inTransaction) throw new RowIsNewer();
    if (!fits) noticed.set(key.toString('hex'), names.of(table, values));
    else if (noticed.size > 0) noticed.delete(key.toString('hex'));
    return fits;
  };
  const refresh = (): boolean => {
    const found = head.follow();
    take(found.state === 'sealed' ? found.head.buckets : new Uint8Array(0));
    return found.state === 'sealed';
  };
  const valuesOf = (table: SealedTableName, row: object): SealedValue[] =>
    sealedColumns(table).map((column) => Reflect.get(row, column));

  /** Replaces the whole ledger by what the tables say now. */
  const sealAll = (): void => {
    const entries = Array.from({ length: BUCKETS }, (): [Buffer, Bytes][] => []);
    for (const table of SEALED_TABLE_NAMES) {
      const width = SEALED_TABLES[table].key.length;
      const rows = database
        .prepare<[], SealedValue[]>(`SELECT ${sealedColumns(table).join(', ')} FROM ${table}`)
        .raw();
      for (const values of rows.iterate()) {
        const key = rowKey(table, values.slice(0, width));
        entries[key[0] ?? 0]?.push([key, rowDigest(table, values)]);
      }
    }
    const next = new Uint8Array(BUCKETS * DIGEST_BYTES);
    for (const [index, own] of entries.entries()) {
      const bytes = withEntries(EMPTY_BUCKET, own);
      stored.set(index, bytes);
      next.set(sha256(bytes), index * DIGEST_BYTES);
    }
    digests = next;
    loaded = [];
    noticed.clear();
  };
  const requireEmptyTables = (): void => {
    // The environments of a new database are older than its keys.
    const rest = SEALED_TABLE_NAMES.filter((table) => table !== 'environments');
    const counts = rest.map((table) => `SELECT count(*) AS rows FROM ${table}`);
    const sum = `SELECT sum(rows) FROM (${counts.join(' UNION ALL ')})`;
    if (database.prepare<[], number>(sum).pluck().get() !== 0) throw headAltered();
  };

  return {
    load({ accept }) {
      const found = database.transaction(() => head.follow()).deferred();
      if (found.state === 'sealed') take(found.head.buckets);
      if (database.readonly || (found.state === 'sealed' && !accept)) return;
      if (found.state === 'altered' && !accept) throw headAltered();
      if (found.state === 'new' && !accept) requireEmptyTables();
      database
        .transaction(() => {
          sealAll();
          const newest = newestAuditRow(database);
          head.save({ seq: newest?.seq ?? 0, rowMac: newest?.mac ?? FIRST_MAC, buckets: digests });
        })
        .immediate();
    },

    holds: (table, row) => holds(table, valuesOf(table, row)),

    requireIntact(table, row) {
      const values = valuesOf(table, row);
      if (!holds(table, values)) throw rowAltered(names.of(table, values));
    },

    expects: (table, key) => expected(rowKey(table, key)) !== undefined,

    refresh,

    settle() {
      if (watched === undefined || watched.changes.size === 0) return undefined;
      for (const { table, key, values, existed } of watched.replaced) {
        const entry = entryOf(bucket(key[0] ?? 0) ?? EMPTY_BUCKET, key);
        const asExpected =
          entry === undefined ? !existed : existed && equalBytes(entry, rowDigest(table, values));
        if (!asExpected) throw rowAltered(names.of(table, values));
      }
      const byBucket = new Map<number, [Buffer, Bytes | undefined][]>();
      for (const { key, digest } of watched.changes.values()) {
        const index = key[0] ?? 0;
        byBucket.set(index, [...(byBucket.get(index) ?? []), [key, digest]]);
      }
      const next = Uint8Array.from(digests);
      const changed = new Map<number, Buffer>();
      for (const [index, entries] of byBucket) {
        const before = bucket(index);
        if (before === undefined) throw headAltered();
        const bytes = withEntries(before, entries);
        stored.set(index, bytes);
        next.set(sha256(bytes), index * DIGEST_BYTES);
        changed.set(index, bytes);
      }
      settled = { digests: next, changed };
      return next;
    },

    get buckets() {
      return settled?.digests ?? digests;
    },

    finish(committed) {
      if (committed && settled !== undefined) {
        digests = settled.digests;
        for (const [index, bytes] of settled.changed) loaded[index] = bytes;
        // What was altered and then ended by a command is as that wrote it.
        for (const key of watched?.changes.keys() ?? []) noticed.delete(key);
      }
      settled = undefined;
      watched?.forget();
    },

    altered: () => [...noticed.values()],

    verify: () =>
      verifyRows(database, {
        onOneState: (work) =>
          database
            .transaction(() => {
              if (othersWrite) refresh();
              return work();
            })
            .deferred(),
        holds,
        expects: (table, key) => expected(rowKey(table, key)) !== undefined,
        nameOf: (table, values) => names.of(table, values),
        entries() {
          let bytes = 0;
          for (let index = 0; index < BUCKETS; index++) bytes += bucket(index)?.byteLength ?? 0;
          return bytes / stored.entryBytes;
        },
        headFits: () => digests.byteLength > 0,
      }),
  };
}

function newestAuditRow(database: Database): { seq: number; mac: Bytes } | undefined {
  return database
    .prepare<[], { seq: number; mac: Bytes }>(
      'SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1',
    )
    .get();
}

function sha256(bytes: Bytes): Buffer {
  return hash('sha256', bytes, 'buffer');
}

function digestAt(buckets: Bytes, index: number): Bytes {
  return buckets.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
}

function rowAltered(name: string): AppError {
  return new AppError(
    'database_corrupt',
    `The row of ${name} was altered outside of Keyferry: it is neither used nor changed. Run keyferry doctor, then restore a backup or delete it.`,
  );
}

export function headAltered(): AppError {
  return new AppError(
    'database_corrupt',
    'The record of what the database is to hold was altered or removed outside of Keyferry, so that no row of it can be trusted. Restore a backup; keyferry accept-rows takes the rows as they are.',
  );
}
