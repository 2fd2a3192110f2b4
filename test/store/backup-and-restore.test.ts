import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { rekey, restore } from '../../src/maintenance.js';
import type { RootKeySource } from '../../src/open-store.js';
import {
  TEST_ACTOR as actor,
  newDataDir,
  openTestStore,
  type TestStore,
} from '../support/open-test-store.js';

const CANARY = 'canary/value+that?must never~appear';
const SPELLINGS = [
  CANARY,
  Buffer.from(CANARY).toString('base64'),
  Buffer.from(CANARY).toString('base64url'),
  Buffer.from(CANARY).toString('hex'),
  encodeURIComponent(CANARY),
];
const place = { actor, secret: 'key', environment: 'production' };
let opened: TestStore;
let folder: string;
let file: string;
let target: string;

beforeEach(async () => {
  opened = await openTestStore();
  folder = newDataDir();
  file = join(folder, 'backup');
  target = join(folder, 'restored');
  await opened.store.createSecret({ actor, name: 'key' });
  await opened.store.addVersion({ ...place, value: SecretValue.fromText(CANARY) });
});
afterEach(async () => {
  await opened.cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

const back = (into = file) => pipeline(opened.backup(), createWriteStream(into, { mode: 0o600 }));
const keyOf = (dataDir: string): RootKeySource => ({
  type: 'file',
  file: join(dataDir, 'master.key'),
});
const restoreWith = (rootKey: RootKeySource) =>
  restore({ file, dataDir: target, rootKey, clock: opened.clock });

describe('a backup', () => {
  test('is restored into an empty folder, whole', async () => {
    await back();
    expect(readdirSync(opened.dataDir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    mkdirSync(target, { mode: 0o700 });
    await copyFile(join(opened.dataDir, 'master.key'), join(target, 'master.key'));
    const result = await restore({ file, dataDir: target, clock: opened.clock });
    expect(result).toEqual({
      databaseId: opened.store.databaseId,
      createdAtMs: opened.clock.now(),
    });
    expect(readdirSync(target).toSorted()).toEqual(['keyferry.db', 'master.key']);
    expect(statSync(join(target, 'keyferry.db')).mode & 0o777).toBe(0o600);
    const restored = await openTestStore({ dataDir: target, clock: opened.clock });
    const [answer] = await restored.store.resolveValues([{ ...place, version: undefined }]);
    expect(answer).toMatchObject({ status: 'found', version: 1 });
    expect(await restored.store.verifyAudit()).toEqual({ ok: true, rows: 3 });
    await restored.cleanUp();
  });

  test('can be made while there are writes', async () => {
    const writes = Array.from({ length: 30 }, (_, i) =>
      opened.store.createSecret({ actor, name: `more${i}` }),
    );
    await Promise.all([back(), ...writes]);
    await restoreWith(keyOf(opened.dataDir));
    expect(existsSync(join(target, 'keyferry.db'))).toBe(true);
  });

  test('is restored over nothing', async () => {
    await back();
    await expect(
      restore({ file, dataDir: opened.dataDir, clock: opened.clock }),
    ).rejects.toMatchObject({ code: 'data_folder_unusable' });
    mkdirSync(target, { mode: 0o700 });
    writeFileSync(join(target, 'note.txt'), '');
    await expect(restoreWith(keyOf(opened.dataDir))).rejects.toMatchObject({
      code: 'data_folder_unusable',
      message: expect.stringContaining('note.txt'),
    });
  });

  test('that is cut or changed leaves no database', async () => {
    await back();
    const whole = readFileSync(file);
    truncateSync(file, whole.length - 100);
    await expect(restoreWith(keyOf(opened.dataDir))).rejects.toMatchObject({
      code: 'backup_invalid',
    });
    expect(readdirSync(target)).toEqual([]);
    const at = whole.length >> 1;
    whole.writeUInt8(whole.readUInt8(at) ^ 1, at);
    writeFileSync(file, whole);
    await expect(restoreWith(keyOf(opened.dataDir))).rejects.toMatchObject({
      code: 'backup_invalid',
    });
    expect(readdirSync(target)).toEqual([]);
  });

  test('made before a rekey needs the old root key, which is kept', async () => {
    await back();
    await opened.store.close();
    const { oldRootKeyFile } = await rekey({ dataDir: opened.dataDir, clock: opened.clock });
    await expect(restoreWith(keyOf(opened.dataDir))).rejects.toMatchObject({
      code: 'root_key_wrong',
    });
    await restoreWith({ type: 'file', file: oldRootKeyFile ?? '' });
    expect(existsSync(join(target, 'keyferry.db'))).toBe(true);
  });

  test('of a store with a passphrase is restored with that passphrase', async () => {
    const rootKey = {
      type: 'passphrase',
      passphrase: SecretValue.fromText('correct horse battery'),
    } as const;
    const other = await openTestStore({ rootKey });
    await pipeline(other.backup(), createWriteStream(file));
    await other.cleanUp();
    await restoreWith(rootKey);
    const restored = await openTestStore({ rootKey, dataDir: target });
    await restored.store.close();
  });
});

test('a stolen database, its log or a backup tells no value, before or after it was destroyed', async () => {
  const force = { reason: 'test' };
  // Longer than a page of the database: erasing it frees pages, which are to be emptied too.
  const long = SecretValue.fromText(CANARY.padEnd(20_000, '.'));
  await opened.store.addVersion({ ...place, value: long });
  await opened.store.createClient({
    actor,
    name: CANARY.slice(0, 6),
    environment: 'production',
    tokenId: 't',
    tokenHash: new Uint8Array(32),
  });
  await back();
  const written = (): string[] =>
    [file, ...readdirSync(opened.dataDir).map((name) => join(opened.dataDir, name))].filter(
      (path) => !path.endsWith('master.key'),
    );
  const hits = (): string[] =>
    written().filter((path) => {
      const content = readFileSync(path);
      return SPELLINGS.some((spelling) => content.includes(spelling));
    });
  expect(written().some((path) => path.endsWith('-wal'))).toBe(true);
  expect(hits()).toEqual([]);

  const database = join(opened.dataDir, 'keyferry.db');
  const sealed = sealedPieces(database);
  expect(sealed).toHaveLength(2);
  for (const piece of sealed) expect(holds(opened.dataDir, piece)).toBe(true);
  await opened.store.destroyVersion({ ...place, version: 1, force });
  await opened.store.destroyVersion({ ...place, version: 2, force });
  expect(statSync(`${database}-wal`).size).toBe(0);
  for (const piece of sealed) expect(holds(opened.dataDir, piece)).toBe(false);
  await opened.store.close();
  expect(hits()).toEqual([]);
});

/** The end of each sealed value, as it lies in the files. */
function sealedPieces(database: string): Buffer[] {
  const raw = new Database(database, { readonly: true });
  const ciphertexts = raw.prepare<[], Buffer>('SELECT ciphertext FROM versions').pluck().all();
  raw.close();
  return ciphertexts.map((ciphertext) => ciphertext.subarray(-64));
}

function holds(dataDir: string, bytes: Buffer): boolean {
  return readdirSync(dataDir).some((name) => readFileSync(join(dataDir, name)).includes(bytes));
}
