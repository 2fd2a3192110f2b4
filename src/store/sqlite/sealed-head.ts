import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { AppError } from '../../core/index.js';

/** A key of the audit log as the store uses it. */
export interface AuditLogKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** What the database is to hold: the newest audit row, and by it everything that the ledger covers. */
export interface Head {
  /** Number of the newest audit row; 0 before the first. */
  readonly seq: number;
  /** Its mac. */
  readonly rowMac: Uint8Array;
  /** The digest of each bucket of the row ledger, one after the other. */
  readonly buckets: Uint8Array;
}

/** Up to which row the audit log was pruned; the next one covers its mac. */
export interface AuditAnchor {
  /** 0 = nothing was pruned. */
  readonly seq: number;
  readonly mac: Uint8Array;
}

export type FoundHead =
  | { readonly state: 'sealed'; readonly head: Head }
  /** None yet, and no audit row either. */
  | { readonly state: 'new' }
  /** As it was written before there was a row ledger. */
  | { readonly state: 'older' }
  | { readonly state: 'altered' };

/** The one row under which everything else is: of two states of a database, only one has a head. */
export interface SealedHead {
  /** Without keys the head can be neither written nor checked. New ones are written under the last key. */
  unlock(keys: readonly AuditLogKey[]): void;
  readonly keys: readonly AuditLogKey[];
  read(): FoundHead;
  /** As `read`, and goes on from it, where another process writes; one that is older than one before is altered. */
  follow(): FoundHead;
  /** Call it inside the transaction of what it covers. Throws `sealed` without keys. */
  save(head: Head): void;
  /** Where the log begins: number 0 where the head is not one of Keyferry's. */
  anchor(): AuditAnchor;
  /** Call it before the rows are removed, inside the same transaction; the next `save` seals it. */
  moveAnchor(anchor: AuditAnchor): void;
  /** After the transaction: it was committed, or not. */
  finish(committed: boolean): void;
}

export const FIRST_MAC = new Uint8Array(32);

interface HeadRow {
  readonly seq: number;
  readonly mac: Uint8Array;
  readonly row_mac: Uint8Array | null;
  readonly buckets: Uint8Array | null;
  readonly anchor_seq: number | null;
  readonly anchor_mac: Uint8Array | null;
}

const NO_ANCHOR: AuditAnchor = { seq: 0, mac: FIRST_MAC };

export function createSealedHead(database: Database, databaseId: string): SealedHead {
  let keys: readonly AuditLogKey[] = [];
  // What the next head says: kept here, so that what another program writes is not sealed with it.
  let kept = NO_ANCHOR;
  let moved: AuditAnchor | undefined;
  let reached = 0;
  const select = database.prepare<[], HeadRow>(
    'SELECT seq, mac, row_mac, buckets, anchor_seq, anchor_mac FROM audit_head',
  );
  const setAnchor = database.prepare<AuditAnchor>(
    'UPDATE audit_head SET anchor_seq = @seq, anchor_mac = @mac',
  );
  const newestRow = database.prepare<[], { seq: number; mac: Uint8Array }>(
    'SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1',
  );
  const insert = database.prepare<HeadRow>(
    `INSERT INTO audit_head (only, seq, mac, row_mac, buckets, anchor_seq, anchor_mac)
     VALUES (1, @seq, @mac, @row_mac, @buckets, @anchor_seq, @anchor_mac)
     ON CONFLICT (only) DO UPDATE SET seq = excluded.seq, mac = excluded.mac,
       row_mac = excluded.row_mac, buckets = excluded.buckets,
       anchor_seq = excluded.anchor_seq, anchor_mac = excluded.anchor_mac`,
  );
  const macOf = (
    { seq, rowMac, buckets }: Head,
    { seq: anchorSeq, mac: anchorMac }: AuditAnchor,
    key: Uint8Array,
  ): Uint8Array => {
    const mac = createHmac('sha256', key)
      .update(`sealed head ${databaseId} ${seq} `, 'utf8')
      .update(rowMac)
      .update(hash('sha256', buckets, 'buffer'));
    if (anchorSeq !== 0) mac.update(`anchor ${anchorSeq} `, 'utf8').update(anchorMac);
    return mac.digest();
  };
  const anchorOf = (row: HeadRow | undefined): AuditAnchor =>
    row?.anchor_seq == null || row.anchor_mac === null
      ? NO_ANCHOR
      : { seq: row.anchor_seq, mac: row.anchor_mac };
  const olderMacOf = (seq: number, rowMac: Uint8Array, key: Uint8Array): Uint8Array =>
    createHmac('sha256', key).update(`head ${databaseId} ${seq} `, 'utf8').update(rowMac).digest();
  const fits = (mac: Uint8Array, make: (key: Uint8Array) => Uint8Array): boolean =>
    keys.some(({ key }) => equalBytes(make(key), mac));
  const sealedHeadOf = (row: HeadRow): Head | undefined => {
    const { seq, mac, row_mac: rowMac, buckets } = row;
    if (rowMac === null || buckets === null) return undefined;
    const head = { seq, rowMac, buckets };
    return fits(mac, (key) => macOf(head, anchorOf(row), key)) ? head : undefined;
  };

  const readHead = (): FoundHead => {
    const row = select.get();
    const newest = newestRow.get();
    if (row === undefined) return { state: newest === undefined ? 'new' : 'altered' };
    const { seq, mac, row_mac: rowMac, buckets } = row;
    if (rowMac === null || buckets === null) {
      const isOlder = newest?.seq === seq && fits(mac, (key) => olderMacOf(seq, newest.mac, key));
      return { state: isOlder ? 'older' : 'altered' };
    }
    const head = sealedHeadOf(row);
    // A head that is older than the audit log was put back.
    const isNewest = (newest?.seq ?? 0) <= seq;
    return head !== undefined && isNewest ? { state: 'sealed', head } : { state: 'altered' };
  };

  return {
    unlock(opened) {
      keys = opened;
      // Where the head was altered, the first row tells whether this is the mac before it.
      kept = anchorOf(select.get());
    },
    get keys() {
      return keys;
    },

    read: readHead,

    follow() {
      const found = readHead();
      if (found.state !== 'sealed') return found;
      if (found.head.seq < reached) return { state: 'altered' };
      reached = found.head.seq;
      kept = anchorOf(select.get());
      return found;
    },

    save(head) {
      const key = keys.at(-1)?.key;
      if (key === undefined) throw new AppError('sealed', 'The store is not unlocked yet.');
      const { seq, rowMac, buckets } = head;
      const at = moved ?? kept;
      const mac = macOf(head, at, key);
      const [anchor_seq, anchor_mac] = at.seq === 0 ? [null, null] : [at.seq, at.mac];
      insert.run({ seq, mac, row_mac: rowMac, buckets, anchor_seq, anchor_mac });
    },

    anchor() {
      const row = select.get();
      return row === undefined || sealedHeadOf(row) === undefined ? NO_ANCHOR : anchorOf(row);
    },

    moveAnchor(next) {
      setAnchor.run(next);
      moved = next;
    },

    finish(committed) {
      if (committed && moved !== undefined) kept = moved;
      moved = undefined;
    },
  };
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
