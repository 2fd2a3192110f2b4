import { isUtf8 } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import type { AuditFinding } from '../../core/index.js';
import type { AuditRowMac, StoredAuditRow } from './audit-row.js';
import { type AuditAnchor, equalBytes } from './sealed-head.js';

/** What stands after a row of the chain: rows that fit, until one does not. */
export interface ChainSlice {
  readonly rows: readonly StoredAuditRow[];
  /** Undefined: there may be more rows, unless `rows` are fewer than were asked for. */
  readonly broken: { readonly seq: number; readonly finding: AuditFinding } | undefined;
}

export interface AuditChain {
  /** At most `limit` rows after the one of `position`, each checked against the one before. */
  after(position: AuditAnchor, limit: number): ChainSlice;
  /** Number of the oldest row; undefined when there is none. */
  oldest(): number | undefined;
}

const TEXTS = ['actor_type', 'actor_id', 'actor_name', 'action', 'detail', 'key_id'] as const;
const NAMES = ['secret', 'environment'] as const;
/** What takes the place of bytes that are no text. */
const REPLACEMENT = '\ufffd';

export function createAuditChain(database: Database, rowMac: AuditRowMac): AuditChain {
  const slice = database.prepare<[number, number], StoredAuditRow>(
    'SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  const oldest = database.prepare<[], number>('SELECT seq FROM audit ORDER BY seq LIMIT 1').pluck();
  const columns = [...TEXTS, ...NAMES];
  const bytesOf = database
    .prepare<[number], (Uint8Array | null)[]>(
      `SELECT ${columns.map((column) => `CAST(${column} AS BLOB)`).join(', ')} FROM audit WHERE seq = ?`,
    )
    .raw();

  /** Other bytes can read as the same text where it holds a replacement character. */
  const readsExactly = (row: StoredAuditRow): boolean =>
    !columns.some((column) => row[column]?.includes(REPLACEMENT)) ||
    (bytesOf.get(row.seq)?.every((bytes) => bytes === null || isUtf8(bytes)) ?? false);

  const fits = (row: StoredAuditRow, previous: AuditAnchor): boolean => {
    if (row.seq !== previous.seq + 1 || !isWellTyped(row) || !readsExactly(row)) return false;
    const expected = rowMac(row, previous.mac);
    return expected !== undefined && equalBytes(expected, row.mac);
  };

  return {
    after(position, limit) {
      const { rows, damaged } = readUntilDamage(slice.iterate(position.seq, limit));
      let previous = position;
      for (const [index, row] of rows.entries()) {
        if (!fits(row, previous)) {
          const finding = row.seq > previous.seq + 1 ? 'missing' : 'altered';
          return { rows: rows.slice(0, index), broken: { seq: row.seq, finding } };
        }
        previous = row;
      }
      const broken = damaged ? ({ seq: previous.seq + 1, finding: 'damaged' } as const) : undefined;
      return { rows, broken };
    },
    oldest: () => oldest.get(),
  };
}

/** A page that the disk or another program spoiled hides only what comes after it. */
function readUntilDamage(rows: IterableIterator<StoredAuditRow>): {
  rows: StoredAuditRow[];
  damaged: boolean;
} {
  const read: StoredAuditRow[] = [];
  try {
    for (const row of rows) read.push(row);
    return { rows: read, damaged: false };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!code.startsWith('SQLITE_CORRUPT')) throw error;
    return { rows: read, damaged: true };
  }
}

/** In a file that another program wrote, a column may hold anything. */
function isWellTyped(row: StoredAuditRow): boolean {
  return (
    Number.isSafeInteger(row.at_ms) &&
    TEXTS.every((column) => typeof row[column] === 'string') &&
    NAMES.every((column) => row[column] === null || typeof row[column] === 'string') &&
    row.mac instanceof Uint8Array
  );
}
