import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { RowVerification } from '../../core/index.js';
import {
  SEALED_TABLE_NAMES,
  SEALED_TABLES,
  type SealedTableName,
  type SealedValue,
  sealedColumns,
} from './sealed-tables.js';

/** Other commands get their turn in between. */
const SLICE_ROWS = 5_000;

/** What the rows are compared with. */
interface Expectation {
  /** Reads a slice and judges it by the head of the same moment, where another program writes. */
  onOneState<T>(work: () => T): T;
  holds(table: SealedTableName, values: readonly SealedValue[]): boolean;
  expects(table: SealedTableName, key: readonly SealedValue[]): boolean;
  nameOf(table: SealedTableName, values: readonly SealedValue[]): string;
  /** How many rows there are to be. */
  entries(): number;
  headFits(): boolean;
}

/** Looks at every row of the sealed tables. */
export async function verifyRows(
  database: Database,
  expectation: Expectation,
): Promise<RowVerification> {
  const altered: string[] = [];
  let rows = 0;
  let unexpected = 0;
  for (const table of SEALED_TABLE_NAMES) {
    const width = SEALED_TABLES[table].key.length;
    const read = slices(database, table);
    for (let after: readonly SealedValue[] | undefined; ; ) {
      const from = after;
      const found = expectation.onOneState(() => {
        const slice = read(from);
        for (const values of slice) {
          if (expectation.holds(table, values)) continue;
          altered.push(expectation.nameOf(table, values));
          if (!expectation.expects(table, values.slice(0, width))) unexpected++;
        }
        return slice;
      });
      rows += found.length;
      after = found.at(-1)?.slice(0, width);
      if (after === undefined || found.length < SLICE_ROWS) break;
      await nextTurn();
    }
  }
  const missing = Math.max(0, expectation.entries() - (rows - unexpected));
  return { rows, altered, missing, headFits: expectation.headFits() };
}

/** Reads the rows of a table in order of their keys, a slice at a time. */
function slices(database: Database, table: SealedTableName) {
  const key = SEALED_TABLES[table].key.join(', ');
  const select = (where: string) =>
    database
      .prepare<SealedValue[], SealedValue[]>(
        `SELECT ${sealedColumns(table).join(', ')} FROM ${table} ${where}
         ORDER BY ${key} LIMIT ${SLICE_ROWS}`,
      )
      .raw();
  const first = select('');
  const marks = SEALED_TABLES[table].key.map(() => '?').join(', ');
  const next = select(`WHERE (${key}) > (${marks})`);
  return (after: readonly SealedValue[] | undefined): SealedValue[][] =>
    after === undefined ? first.all() : next.all(...after);
}
