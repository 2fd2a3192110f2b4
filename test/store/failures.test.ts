import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { createCommands } from '../../src/store/sqlite/commands.js';
import { createDatabaseFile } from '../../src/store/sqlite/data-folder.js';
import { toPortable } from '../../src/store/sqlite/error-across-threads.js';
import { initialise } from '../../src/store/sqlite/initialise.js';
import { MIGRATIONS_FOLDER, migrate } from '../../src/store/sqlite/migrate.js';
import { openDatabase } from '../../src/store/sqlite/open-database.js';
import { createSession } from '../../src/store/sqlite/session.js';
import {
  TEST_ACTOR as actor,
  newDataDir,
  openTestStore,
  type TestStore,
} from '../support/open-test-store.js';

describe('a store', () => {
  let opened: TestStore;
  beforeEach(async () => {
    opened = await openTestStore();
  });
  afterEach(() => opened.cleanUp());

  test('whose database is locked by another program changes nothing, still reads, and goes on', async () => {
    const { store } = opened;
    const other = new Database(join(opened.dataDir, 'keyferry.db'));
    other.exec('BEGIN IMMEDIATE');
    const attempt = store.createSecret({ actor, name: 'a' });
    await expect(attempt).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.listEnvironments()).toHaveLength(3);
    other.exec('ROLLBACK');
    other.close();
    expect(await store.getSecret('a')).toBeUndefined();
    await store.createSecret({ actor, name: 'a' });
    expect(await store.verifyAudit()).toEqual({ ok: true, rows: 1 });
  });

  test('whose worker is gone rejects what waits and what comes', async () => {
    const { store } = opened;
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (this: Worker, ...message) {
      // No message at all: the worker dies of it before it reads the next.
      post.call(this, null);
      post.apply(this, message);
    };
    const waiting = store.createSecret({ actor, name: 'a' });
    Worker.prototype.postMessage = post;
    await expect(waiting).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.listEnvironments()).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('does not overwrite a file when it copies itself', async () => {
    const file = join(opened.dataDir, 'keyferry.db');
    await expect(opened.store.copyTo(file)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await opened.store.check()).toMatchObject({ integrity: 'ok' });
  });
});

describe('a store whose disk is full', () => {
  let folder: string;
  beforeEach(() => {
    folder = newDataDir();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('says store_unavailable, applies nothing by half, and goes on when there is room', () => {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    const file = join(dataDir, 'keyferry.db');
    createDatabaseFile(dataDir, file);
    const database = openDatabase(file, false);
    const schema = migrate(database, MIGRATIONS_FOLDER, false);
    initialise(database, 1);
    const commands = createCommands(
      createSession({ database, databaseId: 'db', now: () => 1, othersWrite: false }),
      schema,
    );
    const keys = [{ id: 'audit-1', key: new Uint8Array(32) }];
    commands.unlock({ keys, acceptRows: false });
    commands.createSecret({ actor, name: 'key' });
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages + 3}`);
    const place = { actor, secret: 'key', environment: 'production' };
    const add = () => {
      const next = commands.nextVersion(place);
      const ciphertext = new Uint8Array(64 * 1024);
      const sealed = { algorithm: 'a', keyId: 'k', wrappedKey: new Uint8Array(72), ciphertext };
      const about = { fields: [], expiresAtMs: null, note: null };
      return commands.addSealedVersion({ ...place, ...next, ...about, sealed });
    };
    let failed: unknown;
    try {
      add();
    } catch (error) {
      failed = toPortable(error);
    }
    expect(failed).toMatchObject({ code: 'store_unavailable' });
    expect(commands.listVersions(place)).toEqual([]);
    expect(commands.nextVersion(place).version).toBe(1);
    expect(commands.listAudit({}).items).toHaveLength(1);
    expect(commands.latestChange()).toBe(1);
    database.pragma('max_page_count = 100000');
    expect(add()).toMatchObject({ version: 1 });
    expect(commands.findDamage()).toEqual([]);
    database.close();
  });
});

test('a value crosses no thread in the clear, nor any file', async () => {
  const opened = await openTestStore();
  try {
    const sent: unknown[] = [];
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (this: Worker, ...message) {
      sent.push(message[0]);
      post.apply(this, message);
    };
    const { store } = opened;
    await store.createSecret({ actor, name: 'key' });
    const value = SecretValue.fromText('canary-in-the-clear');
    await store.addVersion({ actor, secret: 'key', environment: 'staging', value });
    Worker.prototype.postMessage = post;
    const text = sent.map((message) =>
      JSON.stringify(message, (_, part: unknown) =>
        part instanceof Uint8Array ? Buffer.from(part).toString('latin1') : part,
      ),
    );
    expect(text.length).toBeGreaterThan(2);
    expect(text.join('')).not.toContain('canary-in-the-clear');
  } finally {
    await opened.cleanUp();
  }
});
