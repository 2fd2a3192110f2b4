import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, SecretValue } from '../../src/core/index.js';
import { openKeyferryStore, type RootKeySource } from '../../src/open-store.js';
import { openSqliteDatabase } from '../../src/store/index.js';
import { MIGRATIONS_FOLDER } from '../../src/store/sqlite/migrate.js';
import { FakeClock } from '../support/fake-clock.js';
import { newDataDir } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';

const clock: Clock = new FakeClock();
let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = newDataDir();
  dataDir = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (rootKey?: RootKeySource, createIfMissing = true) =>
  openKeyferryStore({ dataDir, rootKey, clock, createIfMissing });
const openAndClose = async (rootKey?: RootKeySource): Promise<void> => {
  await (await open(rootKey)).store.close();
};
const mode = (name: string): number => statSync(join(dataDir, name)).mode & 0o777;
const passphrase = (text: string): RootKeySource => ({
  type: 'passphrase',
  passphrase: SecretValue.fromText(text),
});

describe('opening a data folder', () => {
  test('makes it, its database and its root key on the first start, for their owner alone', async () => {
    const first = await open();
    expect(first.created).toBe(true);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dataDir)) expect(mode(name), name).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(
      expect.arrayContaining(['keyferry.db', 'keyferry.db-wal', 'keyferry.lock', 'master.key']),
    );
    await first.store.close();
    const second = await open();
    expect(second.created).toBe(false);
    expect(second.rootKeyId).toBe(first.rootKeyId);
    expect(second.store.databaseId).toBe(first.store.databaseId);
    await second.store.close();
  });

  test('makes nothing where it is not asked to', async () => {
    await expect(open(undefined, false)).rejects.toMatchObject({ code: 'data_folder_unusable' });
    expect(existsSync(dataDir)).toBe(false);
    mkdirSync(dataDir, { mode: 0o700 });
    await expect(open(undefined, false)).rejects.toMatchObject({ code: 'data_folder_unusable' });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test('is refused while another has it', async () => {
    const { store } = await open();
    await expect(open()).rejects.toMatchObject({ code: 'data_folder_locked' });
    await store.listEnvironments();
    await store.close();
    await openAndClose();
  });

  test.each([
    ['the folder', '.', 0o750],
    ['the database', 'keyferry.db', 0o644],
    ['the root key', 'master.key', 0o604],
    ['the lock', 'keyferry.lock', 0o620],
  ])('is refused when others may reach %s', async (_, name, loose) => {
    await openAndClose();
    const path = join(dataDir, name);
    chmodSync(path, loose);
    await expect(open()).rejects.toMatchObject({
      code: 'permissions_loose',
      message: expect.stringMatching(new RegExp(`chmod [67]00 ${path.replaceAll('.', '\\.')}`)),
    });
  });

  test('never makes a new root key beside a database that has one', async () => {
    await openAndClose();
    rmSync(join(dataDir, 'master.key'));
    await expect(open()).rejects.toMatchObject({ code: 'root_key_missing' });
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
  });

  test('does not make a root key in a place of its own', async () => {
    const file = join(folder, 'elsewhere.key');
    await expect(open({ type: 'file', file })).rejects.toMatchObject({ code: 'root_key_missing' });
    expect(existsSync(file)).toBe(false);
  });

  test('with another root key is refused and names both', async () => {
    const { store, rootKeyId } = await open();
    await store.close();
    const value = SecretValue.fromText('00'.repeat(32));
    await expect(open({ type: 'value', value })).rejects.toMatchObject({
      code: 'root_key_wrong',
      message: expect.stringContaining(rootKeyId),
    });
    await openAndClose();
  });

  test('works with a passphrase, the same one', async () => {
    await openAndClose(passphrase('correct horse battery'));
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
    await expect(open(passphrase('correct horse batterz'))).rejects.toMatchObject({
      code: 'root_key_wrong',
    });
    await openAndClose(passphrase('correct horse battery'));
  });

  test('of a database made with a key file refuses a passphrase', async () => {
    await openAndClose();
    await expect(open(passphrase('correct horse battery'))).rejects.toMatchObject({
      code: 'root_key_wrong',
    });
  });

  test('removes what a killed backup left', async () => {
    await openAndClose();
    const left = join(dataDir, 'backup-1234.tmp');
    writeFileSync(left, '', { mode: 0o600 });
    await openAndClose();
    expect(existsSync(left)).toBe(false);
  });

  test('whose database is no database is refused', async () => {
    await openAndClose();
    writeFileSync(join(dataDir, 'keyferry.db'), 'x'.repeat(10_000));
    await expect(open()).rejects.toMatchObject({ code: 'database_corrupt' });
  });
});

describe('migrations', () => {
  const migrationsFolder = (): string => {
    const copy = join(folder, 'migrations');
    mkdirSync(copy);
    for (const name of readdirSync(MIGRATIONS_FOLDER)) {
      copyFileSync(join(MIGRATIONS_FOLDER, name), join(copy, name));
    }
    return copy;
  };
  const openWith = (
    migrations: string,
    openMode: 'own' | 'inspect' = 'own',
    giveUp?: AbortSignal,
  ) =>
    openSqliteDatabase({
      dataDir,
      giveUp,
      clock,
      mode: openMode,
      createIfMissing: openMode === 'own',
      migrationsFolder: migrations,
    });
  const last = () => readdirSync(MIGRATIONS_FOLDER).toSorted().at(-1) ?? '';

  test('are applied in order, once, and only by who owns the folder', async () => {
    const migrations = migrationsFolder();
    await (await openWith(migrations)).close();
    const next = `${String(readdirSync(migrations).length + 1).padStart(4, '0')}-more.sql`;
    writeFileSync(join(migrations, next), 'CREATE TABLE more (a INTEGER) STRICT;');
    await expect(openWith(migrations, 'inspect')).rejects.toMatchObject({
      code: 'data_folder_unusable',
    });
    await (await openWith(migrations)).close();
    await (await openWith(migrations, 'inspect')).close();
    await (await openWith(migrations)).close();
  });

  test('that fail leave nothing behind', async () => {
    const migrations = migrationsFolder();
    await (await openWith(migrations)).close();
    const next = join(
      migrations,
      `${String(readdirSync(migrations).length + 1).padStart(4, '0')}-bad.sql`,
    );
    writeFileSync(next, 'CREATE TABLE half (a INTEGER) STRICT; SELECT nonsense;');
    await expect(openWith(migrations)).rejects.toMatchObject({ code: 'internal_error' });
    rmSync(next);
    await (await openWith(migrations)).close();
    const raw = new Database(join(dataDir, 'keyferry.db'), { readonly: true });
    expect(raw.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get()).toBeUndefined();
    raw.close();
  });

  test('that are given up are not done, and those before them stay', async () => {
    const migrations = migrationsFolder();
    const count = readdirSync(migrations).length;
    const long = Array.from({ length: 12 }, (_, at) =>
      join(migrations, `${String(count + 1 + at).padStart(4, '0')}-long.sql`),
    );
    for (const [at, file] of long.entries()) {
      writeFileSync(
        file,
        `CREATE TABLE counted_${at} (a INTEGER) STRICT; INSERT INTO counted_${at} WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 1000000) SELECT max(a) FROM n;`,
      );
    }
    const giveUp = new AbortController();
    const opening = openWith(migrations, 'own', giveUp.signal);
    const refused = expect(opening).rejects.toMatchObject({ code: 'store_unavailable' });
    const applied = (): number | undefined => {
      try {
        const raw = new Database(join(dataDir, 'keyferry.db'), { readonly: true });
        try {
          return raw.prepare<[], number>('SELECT count(*) FROM migrations').pluck().get();
        } finally {
          raw.close();
        }
      } catch {
        return undefined;
      }
    };
    const polling = { timeout: PATIENCE_MS, interval: 5 };
    await expect.poll(applied, polling).toBeGreaterThanOrEqual(count);
    giveUp.abort();
    await refused;
    const done = (applied() ?? 0) - count;
    expect(done).toBeLessThan(long.length);
    for (const file of long.slice(done)) rmSync(file);
    await (await openWith(migrations)).close();
  });

  test('that were altered, removed or misnumbered stop the start', async () => {
    const migrations = migrationsFolder();
    await (await openWith(migrations)).close();
    const file = join(migrations, last());
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}\n-- edited`);
    await expect(openWith(migrations)).rejects.toMatchObject({
      code: 'migration_altered',
      message: expect.stringContaining(last()),
    });
    writeFileSync(file, text);
    renameSync(file, join(migrations, '0099-late.sql'));
    await expect(openWith(migrations)).rejects.toMatchObject({ code: 'migration_altered' });
  });

  test('of a newer program stop an older one', async () => {
    const migrations = migrationsFolder();
    const next = join(
      migrations,
      `${String(readdirSync(migrations).length + 1).padStart(4, '0')}-newer.sql`,
    );
    writeFileSync(next, 'CREATE TABLE newer (a INTEGER) STRICT;');
    await (await openWith(migrations)).close();
    rmSync(next);
    await expect(openWith(migrations)).rejects.toMatchObject({ code: 'database_newer' });
  });
});
