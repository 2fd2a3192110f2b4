import type { Database } from 'better-sqlite3';
import type { SealedValue } from '../../core/index.js';
import type { VersionPlace } from './use-guard.js';

interface NewVersion {
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number | null;
  readonly note: string | null;
  readonly fields: readonly string[];
  /** Null: its number was reserved and is not used, so it is destroyed from the start. */
  readonly sealed: SealedValue | null;
}

/** Adds a version whose number was claimed. Its audit and change rows are the caller's. */
export type VersionInsert = (place: VersionPlace, version: NewVersion) => void;

export function createVersionInsert(database: Database): VersionInsert {
  const insert = database.prepare(
    `INSERT INTO versions (secret_id, environment, version, created_at_ms, created_by, destroyed_at_ms,
       expires_at_ms, note, fields, algorithm, key_id, wrapped_key, ciphertext)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return ({ secret, environment, version }, { sealed, ...own }) => {
    insert.run(
      secret.id,
      environment,
      version,
      own.createdAtMs,
      own.createdBy,
      sealed === null ? own.createdAtMs : null,
      own.expiresAtMs,
      own.note,
      JSON.stringify(own.fields),
      sealed?.algorithm ?? 'none',
      sealed?.keyId ?? 'none',
      sealed?.wrappedKey ?? null,
      sealed?.ciphertext ?? null,
    );
  };
}
