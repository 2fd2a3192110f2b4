import type { Database } from 'better-sqlite3';
import {
  rowDigest,
  rowKey,
  SEALED_TABLE_NAMES,
  SEALED_TABLES,
  type SealedTable,
  type SealedTableName,
  type SealedValue,
  sealedColumns,
} from './sealed-tables.js';

interface RowChange {
  readonly key: Buffer;
  /** Undefined = the row is gone. */
  readonly digest: Buffer | undefined;
}

interface ReplacedRow {
  readonly table: SealedTableName;
  readonly key: Buffer;
  /** What it said before, or says first. */
  readonly values: readonly SealedValue[];
  readonly existed: boolean;
}

/** What the transaction under way has done to sealed rows. */
export interface WatchedChanges {
  /** By key in hex: what each row says now. */
  readonly changes: ReadonlyMap<string, RowChange>;
  /** The rows that it added or replaced, each as it was before the transaction. */
  readonly replaced: readonly ReplacedRow[];
  forget(): void;
}

/**
 * Sees every change of a sealed row that is made over this connection, cascades included: no command can forget
 * to tell. By triggers of the connection's own temporary schema, which nobody who writes the file can alter.
 */
export function watchSealedTables(database: Database): WatchedChanges {
  const changes = new Map<string, RowChange>();
  const replaced: ReplacedRow[] = [];

  const tell = (
    name: string,
    work: (table: SealedTableName, values: readonly SealedValue[]) => void,
  ): void => {
    const options = { varargs: true, directOnly: false } as const;
    database.function(name, options, (table: unknown, ...values: unknown[]) => {
      work(table as SealedTableName, values as SealedValue[]);
      return null;
    });
  };
  const keyOf = (table: SealedTableName, values: readonly SealedValue[]): Buffer =>
    rowKey(table, values.slice(0, SEALED_TABLES[table].key.length));
  const note = (key: Buffer, digest: Buffer | undefined): void => {
    changes.set(key.toString('hex'), { key, digest });
  };

  tell('ledger_inserted', (table, values) => {
    const key = keyOf(table, values);
    if (!changes.has(key.toString('hex'))) replaced.push({ table, key, values, existed: false });
    note(key, rowDigest(table, values));
  });
  tell('ledger_replaced', (table, values) => {
    const key = keyOf(table, values);
    if (!changes.has(key.toString('hex'))) replaced.push({ table, key, values, existed: true });
  });
  tell('ledger_updated', (table, values) => note(keyOf(table, values), rowDigest(table, values)));
  tell('ledger_deleted', (table, values) => note(keyOf(table, values), undefined));

  for (const table of SEALED_TABLE_NAMES) database.exec(triggersOf(table));
  return {
    changes,
    replaced,
    forget() {
      changes.clear();
      replaced.length = 0;
    },
  };
}

function triggersOf(name: SealedTableName): string {
  const { ends }: SealedTable = SEALED_TABLES[name];
  const columns = sealedColumns(name);
  const call = (told: string, row: 'OLD' | 'NEW'): string =>
    `BEGIN SELECT ledger_${told}('${name}', ${columns.map((column) => `${row}.${column}`).join(', ')}); END;`;
  const updated = `UPDATE OF ${columns.join(', ')} ON main.${name}`;
  return `
    CREATE TEMP TRIGGER ${name}_inserted AFTER INSERT ON main.${name} ${call('inserted', 'NEW')}
    CREATE TEMP TRIGGER ${name}_replaced BEFORE ${updated}
      ${ends === undefined ? '' : `WHEN NOT (${ends})`} ${call('replaced', 'OLD')}
    CREATE TEMP TRIGGER ${name}_updated AFTER ${updated} ${call('updated', 'NEW')}
    CREATE TEMP TRIGGER ${name}_deleted AFTER DELETE ON main.${name} ${call('deleted', 'OLD')}`;
}
