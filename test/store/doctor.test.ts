import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { generateRootKey, writeRootKey } from '../../src/crypto/index.js';
import { type Check, doctor } from '../../src/maintenance.js';
import type { RootKeySource } from '../../src/open-store.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let keyDir: string;
beforeEach(async () => {
  opened = await openTestStore();
  keyDir = join(opened.dataDir, '..', `${opened.dataDir.split('/').at(-1)}-key`);
  mkdirSync(keyDir, { mode: 0o700 });
  await opened.store.createSecret({ actor, name: 'key' });
  await opened.store.addVersion({
    actor,
    secret: 'key',
    environment: 'production',
    value: SecretValue.fromText('value'),
  });
});
afterEach(async () => {
  await opened.cleanUp();
  rmSync(keyDir, { recursive: true });
});

const look = async (rootKey?: RootKeySource): Promise<Map<string, Check>> => {
  const { checks } = await doctor({ dataDir: opened.dataDir, rootKey, clock: opened.clock });
  return new Map(checks.map((check) => [check.name, check]));
};
const statuses = (checks: Map<string, Check>, status: Check['status']): string[] =>
  [...checks.values()].filter((check) => check.status === status).map(({ name }) => name);
function raw(sql: string): void {
  const database = new Database(join(opened.dataDir, 'keyferry.db'));
  database.exec(sql);
  database.close();
}

describe('doctor', () => {
  test('finds a good folder good while the store is open, but warns of the key beside it', async () => {
    const checks = await look();
    expect(statuses(checks, 'fail')).toEqual([]);
    expect(statuses(checks, 'warn')).toEqual(['root key place']);
    expect([...checks.keys()].toSorted()).toEqual([
      'audit log',
      'clock',
      'disk space',
      'integrity',
      'node',
      'permissions',
      'root key',
      'root key place',
      'routes',
      'rows',
      'sqlite',
      'values',
    ]);
    const file = join(keyDir, 'master.key');
    renameSync(join(opened.dataDir, 'master.key'), file);
    expect(statuses(await look({ type: 'file', file }), 'warn')).toEqual([]);
    await opened.store.createSecret({ actor, name: 'still_writable' });
  });

  test('works when no server runs, and changes nothing', async () => {
    await opened.store.close();
    expect(statuses(await look(), 'fail')).toEqual([]);
    opened = await opened.reopen();
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  });

  test('finds loose modes', async () => {
    chmodSync(join(opened.dataDir, 'master.key'), 0o644);
    expect(statuses(await look(), 'fail')).toEqual(['permissions', 'root key']);
  });

  test('finds a root key that is missing or wrong', async () => {
    const file = join(keyDir, 'other.key');
    expect(statuses(await look({ type: 'file', file }), 'fail')).toEqual(['root key']);
    await writeRootKey(file, generateRootKey());
    expect(statuses(await look({ type: 'file', file }), 'fail')).toEqual(['root key']);
  });

  test('finds values that do not open and says which', async () => {
    await opened.store.createSecret({ actor, name: 'good' });
    const value = SecretValue.fromText('other');
    await opened.store.addVersion({ actor, secret: 'good', environment: 'staging', value });
    raw('UPDATE versions SET wrapped_key = zeroblob(72) WHERE position = 1');
    const checks = await look();
    expect(statuses(checks, 'fail')).toEqual(['values']);
    expect(checks.get('values')?.detail).toBe(
      '1 of 2 values do not open: key version 1 in production',
    );
  });

  test('finds a changed audit log', async () => {
    raw(
      "DROP TRIGGER audit_is_append_only_update; UPDATE audit SET actor_name = 'x' WHERE seq = 2",
    );
    const checks = await look();
    expect(statuses(checks, 'fail')).toEqual(['audit log']);
    expect(checks.get('audit log')?.detail).toContain('Row 2');
  });

  test('finds applied routes whose secrets have no value', async () => {
    const reference = { route: 'r', secret: 'key', version: undefined };
    await opened.store.applyRoutes({
      actor,
      document: { routes: [] },
      references: [
        { ...reference, environment: 'production' },
        { ...reference, environment: 'staging' },
      ],
      source: 'api',
    });
    const checks = await look();
    expect(statuses(checks, 'fail')).toEqual(['routes']);
    expect(checks.get('routes')?.detail).toContain('key in staging');
  });

  test('finds a clock that went back', async () => {
    opened.clock.advance(-3_600_000);
    expect(statuses(await look(), 'fail')).toEqual(['clock']);
  });

  test('finds that there is no database', async () => {
    await opened.store.close();
    rmSync(join(opened.dataDir, 'keyferry.db'));
    expect(statuses(await look(), 'fail')).toEqual(['database']);
  });

  test('finds an unfinished rekey', async () => {
    await writeRootKey(join(opened.dataDir, 'master.key.next'), generateRootKey());
    expect(statuses(await look(), 'fail')).toEqual(['root key']);
  });
});
