import { existsSync, statSync } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError, type Clock, requirePrivateMode, type Store } from '../core/index.js';
import { Keyring, loadRootKey, type RootKeySource } from '../crypto/index.js';
import { defaultRootKeyFile, nextRootKeyFile, rekeyUnfinished } from '../open-store.js';
import { openSqliteDatabase, type SqliteDatabase } from '../store/index.js';
import { unlockDatabase } from './inspect-database.js';

/** As `engines` in package.json. */
const MINIMUM_NODE = [20, 19] as const;
const LITTLE_SPACE_BYTES = 256 * 1024 * 1024;
/** Clocks of one machine may differ from themselves by this much after an adjustment. */
const CLOCK_TOLERANCE_MS = 60_000;
const VALUES_PER_READ = 500;
const NAMED = 5;

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

export interface DoctorOptions {
  readonly dataDir: string;
  /** Default: the file `master.key` in the data folder. */
  readonly rootKey?: RootKeySource | undefined;
  readonly clock: Clock;
}

/**
 * Looks at a data folder without changing anything; a server may be running on it. Never throws for what it
 * finds: each finding is a check. Checks that cannot be made because an earlier one failed are left out.
 */
export async function doctor(options: DoctorOptions): Promise<{ checks: readonly Check[] }> {
  const dataDir = resolve(options.dataDir);
  const source = options.rootKey ?? { type: 'file', file: defaultRootKeyFile(dataDir) };
  const checks: Check[] = [checkNode()];
  checks.push(...(await attempt('permissions', () => checkPermissions(dataDir, source))));
  checks.push(...(await attempt('disk space', () => checkSpace(dataDir))));
  checks.push(...checkKeyPlace(dataDir, source));
  checks.push(
    ...(await attempt('database', async () => {
      const { clock } = options;
      const database = await openSqliteDatabase({
        dataDir,
        clock,
        mode: 'inspect',
        createIfMissing: false,
      });
      try {
        return await checkDatabase(database, source, clock);
      } finally {
        await database.close();
      }
    })),
  );
  return { checks };
}

async function checkDatabase(
  database: SqliteDatabase,
  source: RootKeySource,
  clock: Clock,
): Promise<Check[]> {
  const checks = [await checkIntegrity(database), await checkClock(database, clock)];
  const { root, rekey, keys } = await database.keys();
  const halfRenamed = source.type === 'file' && existsSync(nextRootKeyFile(source.file));
  if (root === undefined) return [...checks, fail('root key', 'The database has no keys yet.')];
  if (rekey !== undefined || halfRenamed) {
    return [...checks, fail('root key', rekeyUnfinished().message, 'keyferry rekey')];
  }
  const opened = await attempt('root key', async () => {
    const keyring = new Keyring(await loadRootKey(source, root.passphrase));
    const store = await unlockDatabase(database, keyring, keys);
    const { sqliteVersion, journalMode, synchronous, secrets } = await store.check();
    return [
      ok('sqlite', `SQLite ${sqliteVersion}, journal ${journalMode}, synchronous ${synchronous}`),
      ok(
        'root key',
        `Root key ${keyring.rootKeyId} opens the database; secrets in it: ${secrets}.`,
      ),
      ...(await attempt('rows', () => checkRows(database))),
      ...(await attempt('values', () => checkValues(database, store))),
      ...(await attempt('audit log', () => checkAudit(store))),
      ...(await attempt('routes', () => checkRoutes(database, store))),
    ];
  });
  return [...checks, ...opened];
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
  return enough
    ? ok('node', `Node ${process.versions.node}`)
    : fail('node', `Node ${process.versions.node}`, `Use Node ${MINIMUM_NODE.join('.')} or newer.`);
}

async function checkPermissions(dataDir: string, source: RootKeySource): Promise<Check[]> {
  requirePrivateMode(dataDir, statSync(dataDir).mode, 'folder');
  const files = (await readdir(dataDir)).map((name) => join(dataDir, name));
  if (source.type === 'file' && existsSync(source.file)) files.push(source.file);
  for (const file of files) {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats !== undefined) {
      requirePrivateMode(file, stats.mode, stats.isDirectory() ? 'folder' : 'file');
    }
  }
  return [ok('permissions', `${dataDir} and its files are private to their owner.`)];
}

async function checkSpace(dataDir: string): Promise<Check[]> {
  const { bavail, bsize } = await statfs(dataDir);
  const free = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are free in ${dataDir}`;
  return bavail * bsize >= LITTLE_SPACE_BYTES
    ? [ok('disk space', free)]
    : [warn('disk space', free, 'Make room before the database cannot be written.')];
}

function checkKeyPlace(dataDir: string, source: RootKeySource): Check[] {
  if (source.type !== 'file' || dirname(resolve(source.file)) !== dataDir) return [];
  return [
    warn(
      'root key place',
      `${source.file} lies beside the database: who copies the folder has both.`,
      'Move it to another disk or a secret manager and name it with --root-key-file; leave it out of copies of the data folder.',
    ),
  ];
}

async function checkIntegrity(database: SqliteDatabase): Promise<Check> {
  const damage = await database.findDamage();
  return damage.length === 0
    ? ok('integrity', 'SQLite finds the database whole.')
    : fail('integrity', damage.slice(0, NAMED).join('; '), 'Restore the database from a backup.');
}

async function checkClock(database: SqliteDatabase, clock: Clock): Promise<Check> {
  const newestMs = (await database.newestTimeMs()) ?? 0;
  const nowMs = clock.now();
  return newestMs <= nowMs + CLOCK_TOLERANCE_MS
    ? ok('clock', `The clock says ${new Date(nowMs).toISOString()}.`)
    : fail(
        'clock',
        `The clock says ${new Date(nowMs).toISOString()}, but the database holds a record of ${new Date(newestMs).toISOString()}.`,
        'Set the clock; expiries and ages are judged by it.',
      );
}

async function checkRows(database: SqliteDatabase): Promise<Check[]> {
  const { rows, altered, missing, headFits } = await database.verifyRows();
  if (!headFits) {
    const detail = 'What rows are checked by was altered or removed: none of them can be trusted.';
    return [fail('rows', detail, MEND_ROWS)];
  }
  if (altered.length + missing === 0) {
    return [ok('rows', `Every row that decides something is as Keyferry wrote it: ${rows}.`)];
  }
  const found = [
    altered.length === 0
      ? undefined
      : `${altered.length} of ${rows} rows were altered outside of Keyferry: ${altered.slice(0, NAMED).join(', ')}`,
    missing === 0 ? undefined : `${missing} rows were removed outside of Keyferry`,
  ];
  return [fail('rows', `${found.filter(Boolean).join('; ')}.`, MEND_ROWS)];
}

const MEND_ROWS =
  'Find out who wrote to the file. Restore a backup, delete what was altered, or take it as it is: keyferry accept-rows.';

async function checkValues(database: SqliteDatabase, store: Store): Promise<Check[]> {
  const unopened: string[] = [];
  let count = 0;
  for (let after = 0; ; ) {
    const values = await database.valueReferences({ after, limit: VALUES_PER_READ });
    const last = values.at(-1);
    if (last === undefined) break;
    after = last.position;
    count += values.length;
    const answers = await store.resolveValues(values);
    for (const [index, { secret, version, environment }] of values.entries()) {
      if (answers[index]?.status !== 'damaged') continue;
      unopened.push(`${secret} version ${version} in ${environment}`);
    }
  }
  if (unopened.length === 0) return [ok('values', `Every value opens: ${count} of ${count}.`)];
  const named = unopened.slice(0, NAMED).join(', ');
  const detail = `${unopened.length} of ${count} values do not open: ${named}`;
  return [fail('values', detail, 'Restore the database from a backup, or add new versions.')];
}

async function checkAudit(store: Store): Promise<Check[]> {
  const { ok: whole, rows, firstBroken } = await store.verifyAudit();
  return whole
    ? [ok('audit log', `All ${rows} rows fit the one before.`)]
    : [fail('audit log', `Row ${firstBroken} does not fit: the log was changed or cut there.`)];
}

async function checkRoutes(database: SqliteDatabase, store: Store): Promise<Check[]> {
  const references = await database.routeReferences();
  const missing = await store.missingValues(references);
  if (missing.length === 0) {
    return [
      ok('routes', `Every secret that the applied routes name has a value: ${references.length}.`),
    ];
  }
  const named = missing.slice(0, NAMED).map(({ secret, environment, version }) => {
    const at = version === undefined ? '' : ` version ${version}`;
    return `${secret}${at} in ${environment}`;
  });
  const detail = `${missing.length} references of the applied routes have no value: ${named.join(', ')}`;
  return [fail('routes', detail, 'Add the versions: requests that need them are refused.')];
}

/** Turns what a check throws into a failed check. */
async function attempt(name: string, work: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) return [fail(name, error.message)];
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return [fail(name, `It could not be looked at${code}.`)];
  }
}

function ok(name: string, detail: string): Check {
  return { name, status: 'ok', detail };
}

function warn(name: string, detail: string, fix: string): Check {
  return { name, status: 'warn', detail, fix };
}

function fail(name: string, detail: string, fix?: string): Check {
  return { name, status: 'fail', detail, ...(fix === undefined ? {} : { fix }) };
}
