import type { Database } from 'better-sqlite3';
import { type SealedTableName, type SealedValue, sealedColumns } from './sealed-tables.js';

/** Longer ones were put there by someone. */
const SHOWN_CHARACTERS = 128;

/** Says for a person which row of a sealed table is meant, as far as the row itself can be believed. */
export interface RowNames {
  /** `values` in the order of `sealedColumns`. */
  of(table: SealedTableName, values: readonly SealedValue[]): string;
}

export function createRowNames(database: Database): RowNames {
  const secretName = database
    .prepare<[SealedValue], string>('SELECT name FROM secrets WHERE id = ?')
    .pluck();
  return {
    of(table, values) {
      const columns = sealedColumns(table);
      const text = (column: string): string =>
        JSON.stringify(String(values[columns.indexOf(column)]).slice(0, SHOWN_CHARACTERS));
      const secret = (): string =>
        JSON.stringify(secretName.get(values[columns.indexOf('secret_id')] ?? null) ?? 'unknown');
      switch (table) {
        case 'environments':
          return `environment ${text('name')}`;
        case 'secrets':
          return `secret ${text('name')}`;
        case 'secret_environments':
          return `secret ${secret()} in environment ${text('environment')}`;
        case 'versions':
          return `version ${Number(values[columns.indexOf('version')])} of secret ${secret()} in environment ${text('environment')}`;
        case 'routes_revisions':
          return `routes revision ${Number(values[columns.indexOf('revision')])}`;
        case 'cutovers':
          return `cutover ${text('id')} of secret ${text('secret')} in environment ${text('environment')}`;
        case 'rotations':
          return `rotation ${text('id')} of secret ${text('secret')} in environment ${text('environment')}`;
        case 'rotation_runs':
          return `rotation run ${text('id')} of secret ${text('secret')} in environment ${text('environment')}`;
        case 'provider_keys':
          return `provider's key of version ${Number(values[columns.indexOf('version')])} of secret ${secret()} in environment ${text('environment')}`;
        case 'clients':
          return `client ${text('name')}`;
        case 'admins':
          return `admin ${text('name')}`;
        case 'channels':
          return `channel ${text('name')}`;
        case 'sessions':
          return `session ${text('id')}`;
        case 'sign_in_links':
          return `sign-in link ${text('id')}`;
      }
    },
  };
}
