import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SecretValue } from '../../src/core/index.js';
import { createSealer, Keyring, loadRootKey } from '../../src/crypto/index.js';

export interface FillOptions {
  /** A data folder that a store made and closed, with its key in `master.key`. */
  readonly dataDir: string;
  readonly secrets: number;
  readonly environments?: readonly string[];
  readonly nowMs?: number;
}

/** Name of the secret number `index`; its value in an environment is `valueOf`. */
export const filledName = (index: number): string => `filled_${String(index).padStart(6, '0')}`;
export const filledValue = (index: number, environment: string): string =>
  `value-${index}-${environment}`;

/**
 * Adds many secrets with one current version each, in one transaction: what the store would write, without
 * audit and change rows. For benches and tests of size. The next one to open the store must accept the rows.
 */
export async function fillStore(options: FillOptions): Promise<void> {
  const { dataDir, secrets, environments = ['production'], nowMs = Date.now() } = options;
  const rootKey = await loadRootKey({ type: 'file', file: join(dataDir, 'master.key') });
  const sealer = createSealer(new Keyring(rootKey));
  const database = new Database(join(dataDir, 'keyferry.db'));
  database.pragma('foreign_keys = ON');
  const databaseId = String(
    database.prepare("SELECT value FROM meta WHERE name = 'database_id'").pluck().get(),
  );
  const addSecret = database.prepare(
    `INSERT INTO secrets VALUES (?, ?, NULL, NULL, '{}', '[]', 'other', 'standard', NULL, NULL, ?, ?)`,
  );
  const addEnvironment = database.prepare(
    'INSERT INTO secret_environments (secret_id, environment, last_version) VALUES (?, ?, 1)',
  );
  const addVersion = database.prepare(
    `INSERT INTO versions (secret_id, environment, version, created_at_ms, created_by,
       activated_at_ms, fields, algorithm, key_id, wrapped_key, ciphertext)
     VALUES (?, ?, 1, ?, 'fill', ?, '[]', ?, ?, ?, ?)`,
  );
  const makeCurrent = database.prepare(
    `UPDATE secret_environments SET current_version = 1, current_since_ms = ?
     WHERE secret_id = ? AND environment = ?`,
  );
  database.transaction(() => {
    for (let index = 0; index < secrets; index++) {
      const secretId = `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`;
      addSecret.run(secretId, filledName(index), nowMs, nowMs);
      for (const environment of environments) {
        const value = SecretValue.fromText(filledValue(index, environment));
        const sealed = sealer.seal(value, { databaseId, environment, secretId, version: 1 });
        const { algorithm, keyId, wrappedKey, ciphertext } = sealed;
        addEnvironment.run(secretId, environment);
        const row = [algorithm, keyId, wrappedKey, ciphertext];
        addVersion.run(secretId, environment, nowMs, nowMs, ...row);
        makeCurrent.run(nowMs, secretId, environment);
      }
    }
  })();
  database.close();
}
