import { AppError, SecretValue, type StoredKey } from '../core/index.js';
import { randomKey } from './aead.js';
import type { Keyring, WrapContext } from './keyring.js';

/** A key of the audit log, with the id that its rows carry. */
export interface AuditKey {
  readonly id: string;
  readonly key: SecretValue;
}

export interface OpenedKeys {
  readonly tokens: SecretValue;
  /** Oldest first; new rows are written under the last. */
  readonly audit: readonly AuditKey[];
}

/** Makes the keys of a new database: the canary, the tokens' key and the first audit key. */
export function createStoredKeys(keyring: Keyring, databaseId: string): StoredKey[] {
  const make = (purpose: StoredKey['purpose']): StoredKey =>
    store(keyring, databaseId, { id: `${purpose}-1`, purpose }, randomKey());
  return [make('canary'), make('tokens'), make('audit')];
}

/**
 * Opens the keys of a database. Throws `root_key_wrong` when they are wrapped under another root key,
 * `database_corrupt` when one is missing or was changed.
 */
export function openStoredKeys(
  keyring: Keyring,
  databaseId: string,
  rows: readonly StoredKey[],
): OpenedKeys {
  const opened = rows.map((row) => ({ ...row, key: open(keyring, databaseId, row) }));
  const tokens = opened.findLast((row) => row.purpose === 'tokens');
  const audit = opened.filter((row) => row.purpose === 'audit');
  if (tokens === undefined || audit.length === 0 || !opened.some((r) => r.purpose === 'canary')) {
    throw new AppError('database_corrupt', "One of the database's own keys is missing.");
  }
  return { tokens: tokens.key, audit: audit.map(({ id, key }) => ({ id, key })) };
}

/** Wraps all keys under another root key, and adds a new audit key that is used from then on. */
export function rewrapStoredKeys(
  from: Keyring,
  to: Keyring,
  databaseId: string,
  rows: readonly StoredKey[],
): StoredKey[] {
  const rewrapped = rows.map((row) =>
    store(to, databaseId, row, open(from, databaseId, row).expose()),
  );
  const generation = rows.filter((row) => row.purpose === 'audit').length + 1;
  const audit = { id: `audit-${generation}`, purpose: 'audit' } as const;
  return [...rewrapped, store(to, databaseId, audit, randomKey())];
}

function store(
  keyring: Keyring,
  databaseId: string,
  { id, purpose }: Pick<StoredKey, 'id' | 'purpose'>,
  key: Uint8Array,
): StoredKey {
  const wrapped = keyring.wrap(key, keyContext(databaseId, { id, purpose }));
  return { id, purpose, rootKeyId: keyring.rootKeyId, wrapped };
}

function open(keyring: Keyring, databaseId: string, row: StoredKey): SecretValue {
  if (row.rootKeyId !== keyring.rootKeyId) {
    throw new AppError(
      'root_key_wrong',
      `The database is under root key ${row.rootKeyId}; the key given is ${keyring.rootKeyId}. Give the root key that belongs to this database.`,
    );
  }
  const key = keyring.unwrap(row.wrapped, keyContext(databaseId, row));
  if (key === undefined) {
    throw new AppError(
      'database_corrupt',
      `The database's key ${row.id} does not open under its root key: its row was changed.`,
    );
  }
  return SecretValue.fromBytes(key);
}

function keyContext(databaseId: string, row: Pick<StoredKey, 'id' | 'purpose'>): WrapContext {
  return ['stored', databaseId, row.purpose, row.id];
}
