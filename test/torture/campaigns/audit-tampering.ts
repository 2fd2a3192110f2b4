import type { AuditVerification } from '../../../src/core/index.js';
import {
  AUDIT_COLUMNS,
  type AuditBytes,
  type AuditColumn,
  openTamperedLog,
  type TamperedLog,
} from '../../support/audit-tampering.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const ROUNDS = 12;

/** Whatever is done to rows of the audit log, `verify` finds it and names the first row that is not as it was. */
export const campaign: Campaign = {
  name: 'audit-tampering',
  threat: 'edited values, versions or audit rows',
  target: 100_000,
  unit: 'alterations of the audit log',
  slice: 5_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const log = await openTamperedLog(ROUNDS);
  const findings: string[] = [];
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  let done = 0;
  try {
    const position = await log.opened.store.auditPosition();
    while (done < count && signal?.aborted !== true && findings.length < 10) {
      const { what, expected, undo } = alter(log, below);
      const found = await log.opened.store.verifyAudit(position);
      const problem = judge(found, expected);
      if (problem !== undefined) findings.push(`${what}: ${problem}`);
      undo();
      done++;
    }
    const whole = await log.opened.store.verifyAudit(position);
    if (!whole.ok) findings.push(`undone, row ${whole.firstBroken} still does not fit`);
  } finally {
    await log.cleanUp();
  }
  return { done, findings };
}

/** Undefined where it was found, with the right row. */
export function judge(found: AuditVerification, expected: number): string | undefined {
  if (found.ok) return 'it was not found';
  return found.firstBroken === expected
    ? undefined
    : `row ${found.firstBroken} was named, not ${expected}`;
}

interface Alteration {
  readonly what: string;
  /** The row that is to be named. */
  readonly expected: number;
  undo(): void;
}

type Below = (limit: number) => number;

function alter(log: TamperedLog, below: Below): Alteration {
  return below(10) < 8 ? flipByte(log, below) : changeRows(log, below);
}

/** Another byte in the place of one. */
function flipByte(log: TamperedLog, below: Below): Alteration {
  for (;;) {
    const seq = 1 + below(log.rows.length);
    const column = AUDIT_COLUMNS[1 + below(AUDIT_COLUMNS.length - 1)] as Exclude<
      AuditColumn,
      'seq'
    >;
    const before = log.rows[seq - 1]?.[column] ?? null;
    if (before === null || before.byteLength === 0) continue;
    const at = below(before.byteLength);
    const mask = 1 + below(255);
    const bytes = Buffer.from(before);
    bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
    log.set(seq, column, bytes);
    const what = `byte ${at} of ${column} of row ${seq} xor ${mask}`;
    return { what, expected: seq, undo: () => log.set(seq, column, before) };
  }
}

/** Rows deleted, inserted, swapped, renumbered, or cut at the end, with the head of that moment or without. */
function changeRows(log: TamperedLog, below: Below): Alteration {
  const { rows } = log;
  const last = rows.length;
  const undo = (): void => {
    log.write(rows);
    log.putHead(last);
  };
  const seq = 1 + below(last);
  const other = 1 + below(last);
  switch (below(6)) {
    case 0: {
      const through = Math.min(last, seq + below(3));
      log.write(rows.filter((_, index) => index + 1 < seq || index + 1 > through));
      // With the newest gone, the first that is missing is named.
      const expected = through === last ? seq : through + 1;
      return { what: `rows ${seq} to ${through} deleted`, expected, undo };
    }
    case 1: {
      log.write([...rows.slice(0, seq - 1), ...renumbered(rows.slice(seq), seq)]);
      return { what: `row ${seq} deleted, the rest renumbered`, expected: seq, undo };
    }
    case 2: {
      const added = { ...rowAt(rows, other), seq: numberBytes(seq) };
      const rest = [added, ...renumbered(rows.slice(seq - 1), seq + 1)];
      log.write([...rows.slice(0, seq - 1), ...rest]);
      // A copy of the row that stood there is one; the row after it is then the first that does not fit.
      const expected = seq === other ? seq + 1 : seq;
      return { what: `a copy of row ${other} inserted as ${seq}`, expected, undo };
    }
    case 3: {
      if (seq === other) return changeRows(log, below);
      const swapped = rows.map((row, index) => {
        if (index + 1 === seq) return { ...rowAt(rows, other), seq: numberBytes(seq) };
        return index + 1 === other ? { ...rowAt(rows, seq), seq: numberBytes(other) } : row;
      });
      log.write(swapped);
      const expected = Math.min(seq, other);
      return { what: `rows ${seq} and ${other} swapped`, expected, undo };
    }
    case 4: {
      const number = -below(3);
      log.write([{ ...rowAt(rows, seq), seq: numberBytes(number) }, ...rows]);
      return { what: `a copy of row ${seq} as row ${number}`, expected: number, undo };
    }
    default: {
      const heads = [...log.heads.keys()].filter((head) => head < last);
      const cut = heads[below(heads.length)] ?? 1;
      log.write(rows.slice(0, cut));
      log.putHead(cut);
      return { what: `cut after ${cut}, with the head of then`, expected: cut + 1, undo };
    }
  }
}

function renumbered(rows: readonly AuditBytes[], from: number): AuditBytes[] {
  return rows.map((row, index) => ({ ...row, seq: numberBytes(from + index) }));
}

function rowAt(rows: readonly AuditBytes[], seq: number): AuditBytes {
  const row = rows[seq - 1];
  if (row === undefined) throw new Error(`no row ${seq}`);
  return row;
}

function numberBytes(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(number));
  return bytes;
}
