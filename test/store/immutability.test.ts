import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let raw: Database.Database;
const place = { actor, secret: 'key', environment: 'production' };

beforeEach(async () => {
  opened = await openTestStore();
  const { store } = opened;
  await store.createSecret({ actor, name: 'key' });
  for (const text of ['one', 'two', 'three']) {
    await store.addVersion({ ...place, value: SecretValue.fromText(text) });
  }
  await store.activateVersion({ ...place, version: 2 });
  await store.revokeVersion({ ...place, version: 3 });
  await store.applyRoutes({ actor, document: { routes: [] }, references: [], source: 'api' });
  raw = new Database(join(opened.dataDir, 'keyferry.db'));
  raw.pragma('foreign_keys = ON');
});
afterEach(async () => {
  raw.close();
  await opened.cleanUp();
});

describe('the database itself refuses', () => {
  test.each([
    ['another ciphertext', "UPDATE versions SET ciphertext = x'00' WHERE version = 1"],
    [
      'a value of another version',
      `UPDATE versions SET ciphertext =
       (SELECT ciphertext FROM versions WHERE version = 2) WHERE version = 1`,
    ],
    ['another version number', 'UPDATE versions SET version = 9 WHERE version = 3'],
    ['another environment', "UPDATE versions SET environment = 'staging'"],
    ['another secret', "UPDATE versions SET secret_id = 'x'"],
    ['another expiry', 'UPDATE versions SET expires_at_ms = 1 WHERE version = 1'],
    ['another algorithm', "UPDATE versions SET algorithm = 'none'"],
    [
      'a replaced row',
      `INSERT OR REPLACE INTO versions (secret_id, environment, version,
       created_at_ms, created_by, fields, algorithm, key_id, wrapped_key, ciphertext)
       SELECT secret_id, environment, version, 1, 'x', '[]', 'a', 'k', x'00', x'00'
       FROM versions WHERE version = 3`,
    ],
    ['a deleted version', 'DELETE FROM versions WHERE version = 1'],
    ['a revoked version made good', 'UPDATE versions SET revoked_at_ms = NULL WHERE version = 3'],
    ['half a destroyed value', 'UPDATE versions SET ciphertext = NULL WHERE version = 3'],
    ['a revoked current version', 'UPDATE versions SET revoked_at_ms = 1 WHERE version = 2'],
    [
      'a destroyed current version',
      `UPDATE versions SET destroyed_at_ms = 1, ciphertext = NULL,
       wrapped_key = NULL WHERE version = 2`,
    ],
    ['a pointer to a revoked version', 'UPDATE secret_environments SET current_version = 3'],
    ['a pointer to no version', 'UPDATE secret_environments SET previous_version = 77'],
    ['a pointer twice', 'UPDATE secret_environments SET previous_version = current_version'],
    ['a version number used again', 'UPDATE secret_environments SET last_version = 1'],
    [
      'a version whose number was not claimed',
      `INSERT INTO versions (secret_id, environment,
       version, created_at_ms, created_by, fields, algorithm, key_id, wrapped_key, ciphertext)
       SELECT secret_id, environment, 50, 1, 'x', '[]', 'a', 'k', x'00', x'00'
       FROM versions WHERE version = 3`,
    ],
    ['a changed routes revision', "UPDATE routes_revisions SET document = '{}'"],
    ['a removed routes revision', 'DELETE FROM routes_revisions'],
    [
      'a replaced routes revision',
      `INSERT OR REPLACE INTO routes_revisions
       VALUES (1, '{}', 1, 'x', 'api', NULL)`,
    ],
    ['a changed audit row', "UPDATE audit SET actor_name = 'x' WHERE seq = 1"],
    ['a removed audit row', 'DELETE FROM audit WHERE seq = 1'],
    [
      'a replaced audit row',
      `INSERT OR REPLACE INTO audit
       SELECT seq, at_ms, actor_type, 'x', actor_name, action, secret, environment, detail, key_id,
       mac FROM audit WHERE seq = 1`,
    ],
    ['an environment in use removed', "DELETE FROM environments WHERE name = 'production'"],
  ])('%s', async (_, sql) => {
    expect(() => raw.exec(sql)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^SQLITE_CONSTRAINT/) }),
    );
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  });

  test('nothing that the store itself does', async () => {
    const { store } = opened;
    const force = { reason: 'test' };
    await store.destroyVersion({ ...place, version: 2, force });
    await store.destroyVersion({ ...place, version: 1, force });
    await store.destroyVersion({ ...place, version: 3, force });
    const kept = raw.prepare('SELECT count(*) FROM versions WHERE ciphertext IS NOT NULL').pluck();
    expect(kept.get()).toBe(0);
    await store.deleteSecret({ actor, name: 'key', force });
    expect(raw.prepare('SELECT count(*) FROM versions').pluck().get()).toBe(0);
  });
});
