import type { Database } from 'better-sqlite3';

/** Entries in order of their keys: 16 bytes of the key's digest, 32 of the row's. */
const KEY_BYTES = 16;
const ENTRY_BYTES = KEY_BYTES + 32;

export const EMPTY_BUCKET = Buffer.alloc(0);

/** The stored buckets of the row ledger. */
export function createLedgerBucket(database: Database) {
  const select = database
    .prepare<[number], Buffer>('SELECT entries FROM row_ledger WHERE bucket = ?')
    .pluck();
  const save = database.prepare<[number, Buffer]>(
    `INSERT INTO row_ledger (bucket, entries) VALUES (?, ?)
     ON CONFLICT (bucket) DO UPDATE SET entries = excluded.entries`,
  );
  return {
    entryBytes: ENTRY_BYTES,
    get: (index: number): Buffer => select.get(index) ?? EMPTY_BUCKET,
    set(index: number, entries: Buffer): void {
      save.run(index, entries);
    },
  };
}

/** The digest that is kept under a key. */
export function entryOf(bucket: Buffer, key: Uint8Array): Buffer | undefined {
  const at = placeOf(bucket, key);
  return isAt(bucket, at, key) ? bucket.subarray(at + KEY_BYTES, at + ENTRY_BYTES) : undefined;
}

/** A bucket with entries added, replaced, or removed where their digest is undefined. */
export function withEntries(
  bucket: Buffer,
  entries: readonly (readonly [key: Uint8Array, digest: Uint8Array | undefined])[],
): Buffer {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const [key, digest] of entries.toSorted(([a], [b]) => Buffer.compare(a, b))) {
    const at = placeOf(bucket, key);
    pieces.push(bucket.subarray(from, at));
    if (digest !== undefined) pieces.push(key, digest);
    from = isAt(bucket, at, key) ? at + ENTRY_BYTES : at;
  }
  return Buffer.concat([...pieces, bucket.subarray(from)]);
}

/** Where the entry of a key is, or would be. */
function placeOf(bucket: Buffer, key: Uint8Array): number {
  let low = 0;
  let high = bucket.byteLength / ENTRY_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = middle * ENTRY_BYTES;
    if (bucket.compare(key, 0, KEY_BYTES, at, at + KEY_BYTES) < 0) low = middle + 1;
    else high = middle;
  }
  return low * ENTRY_BYTES;
}

function isAt(bucket: Buffer, at: number, key: Uint8Array): boolean {
  return at < bucket.byteLength && bucket.compare(key, 0, KEY_BYTES, at, at + KEY_BYTES) === 0;
}
