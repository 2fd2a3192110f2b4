import { resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type {
  Actor,
  Clock,
  RouteReference,
  RowVerification,
  Sealer,
  Store,
  StoredKey,
} from '../core/index.js';
import { startDatabaseWorker } from './database-worker.js';
import { MIGRATIONS_FOLDER } from './sqlite/migrate.js';
import type { ValueRow } from './sqlite/resolve.js';
import type { AuditLogKey } from './sqlite/sealed-head.js';
import type {
  DatabaseKeys,
  RootKeyFacts,
  SealedPlace,
  WrappedValue,
} from './sqlite/stored-keys.js';
import { createSqliteStore } from './sqlite-store.js';

export interface SqliteOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  /**
   * `own` holds the data folder's lock until it is closed; `shared` holds it together with other processes that do the
   * same; `inspect` reads beside servers that run, takes no lock and changes nothing.
   */
  readonly mode: 'own' | 'shared' | 'inspect';
  /** Creates the data folder and the database where they are missing. */
  readonly createIfMissing: boolean;
  /** Ends the store when it is aborted, as if the process were killed: what it was doing is not done. */
  readonly giveUp?: AbortSignal | undefined;
  /** For tests. */
  readonly migrationsFolder?: string;
}

/** An open database whose values are still sealed. */
export interface SqliteDatabase {
  readonly databaseId: string;
  keys(): Promise<DatabaseKeys>;
  createKeys(keys: { root: RootKeyFacts; keys: readonly StoredKey[] }): Promise<void>;
  /**
   * From here on the audit log can be written and values opened. With `acceptRows` every row counts as it is
   * now, whoever wrote it. Throws `database_corrupt` when what the rows are checked by was altered.
   */
  unlock(keys: {
    sealer: Sealer;
    audit: readonly AuditLogKey[];
    acceptRows?: boolean;
  }): Promise<Store>;

  beginRekey(keys: { root: RootKeyFacts; keys: readonly StoredKey[] }): Promise<void>;
  valuesNotUnder(from: {
    place: SealedPlace;
    rootKeyId: string;
    after: number;
    limit: number;
  }): Promise<readonly WrappedValue[]>;
  rewrapValues(command: {
    place: SealedPlace;
    values: readonly Pick<WrappedValue, 'position' | 'sealed'>[];
  }): Promise<void>;
  finishRekey(command: { actor: Actor }): Promise<void>;

  routeReferences(): Promise<readonly RouteReference[]>;
  /** Every usable version, in order of position. */
  valueReferences(from: { after: number; limit: number }): Promise<readonly ValueRow[]>;
  findDamage(): Promise<readonly string[]>;
  /** Looks at every row that decides something. */
  verifyRows(): Promise<RowVerification>;
  newestTimeMs(): Promise<number | null>;
  close(): Promise<void>;
}

/**
 * Opens the database of a data folder in a worker thread. Throws `data_folder_unusable`,
 * `data_folder_locked`, `permissions_loose`, `migration_altered`, `database_newer`, `database_corrupt`.
 */
export async function openSqliteDatabase(options: SqliteOptions): Promise<SqliteDatabase> {
  // Whatever this process creates from here on is its owner's alone. A thread cannot set it.
  if (isMainThread) process.umask(0o077);
  const worker = await startDatabaseWorker(
    {
      dataDir: resolve(options.dataDir),
      mode: options.mode,
      createIfMissing: options.createIfMissing,
      migrationsFolder: options.migrationsFolder ?? MIGRATIONS_FOLDER,
    },
    options.clock,
    options.giveUp,
  );
  const { call } = worker;
  return {
    databaseId: worker.databaseId,
    keys: () => call('databaseKeys'),
    createKeys: (keys) => call('createKeys', keys),
    async unlock({ sealer, audit, acceptRows = false }) {
      await call('unlock', { keys: audit, acceptRows });
      return createSqliteStore(worker, sealer);
    },
    beginRekey: (keys) => call('beginRekey', keys),
    valuesNotUnder: (from) => call('valuesNotUnder', from),
    rewrapValues: (command) => call('rewrapValues', command),
    finishRekey: (command) => call('finishRekey', command),
    routeReferences: () => call('routeReferences'),
    valueReferences: (from) => call('valueReferences', from),
    findDamage: () => call('findDamage'),
    verifyRows: () => call('verifyRows'),
    newestTimeMs: () => call('newestTimeMs'),
    close: () => worker.close(),
  };
}
