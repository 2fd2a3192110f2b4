import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actor } from '../../src/core/index.js';
import { type OpenedStore, openKeyferryStore, type RootKeySource } from '../../src/open-store.js';
import { MIGRATIONS_FOLDER, migrate } from '../../src/store/sqlite/migrate.js';
import { openDatabase } from '../../src/store/sqlite/open-database.js';
import { FakeClock } from './fake-clock.js';

export const TEST_ACTOR: Actor = { type: 'admin', id: 'test-admin', name: 'tester' };

export interface TestStore extends OpenedStore {
  readonly dataDir: string;
  readonly clock: FakeClock;
  /** Closes the store and opens the same folder again. */
  reopen(): Promise<TestStore>;
  /** Closes the store and removes its folder. */
  cleanUp(): Promise<void>;
}

/** Opens a real store in a new folder, with a clock that stands still. Call `cleanUp` after the test. */
export async function openTestStore(
  options: { clock?: FakeClock; dataDir?: string; rootKey?: RootKeySource; shared?: boolean } = {},
): Promise<TestStore> {
  const clock = options.clock ?? new FakeClock();
  const dataDir = options.dataDir ?? migratedDataDir();
  const { rootKey, shared } = options;
  const opened = await openKeyferryStore({
    dataDir,
    rootKey,
    clock,
    createIfMissing: true,
    shared,
  });
  return {
    ...opened,
    dataDir,
    clock,
    async reopen() {
      await opened.store.close();
      return openTestStore({ ...options, clock, dataDir });
    },
    async cleanUp() {
      await opened.store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

let migrated: Uint8Array | undefined;

/** A new data folder as a first start leaves it that was stopped after the migrations, which take time. */
export function migratedDataDir(): string {
  const dataDir = newDataDir();
  migrated ??= migratedDatabase();
  writeFileSync(join(dataDir, 'keyferry.db'), migrated, { mode: 0o600 });
  return dataDir;
}

function migratedDatabase(): Uint8Array {
  const folder = newDataDir();
  const file = join(folder, 'keyferry.db');
  writeFileSync(file, '');
  const database = openDatabase(file, false);
  migrate(database, MIGRATIONS_FOLDER, false);
  database.close();
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  return bytes;
}

/** An empty temporary folder of mode 0700. */
export function newDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'keyferry-test-'));
}
