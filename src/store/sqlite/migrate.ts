import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { AppError } from '../../core/index.js';

/** Where the migrations of this program are. */
export const MIGRATIONS_FOLDER = fileURLToPath(
  new URL('migrations/sqlite/', import.meta.resolve('keyferry/package.json')),
);

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Applies what is missing, in order, each in its own transaction. Throws `database_newer` when the database
 * knows a migration after this program's last, `migration_altered` when one that was applied is missing or
 * has other text, `data_folder_unusable` when `readonly` and some are missing.
 */
export function migrate(database: Database, folder: string, readonly: boolean): number {
  const migrations = readMigrations(folder);
  if (!readonly) {
    database.exec(`CREATE TABLE IF NOT EXISTS migrations (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
    ) STRICT`);
  }
  const applied = readApplied(database);
  requireUnaltered(migrations, applied);
  const missing = migrations.slice(applied.length);
  if (readonly && missing.length > 0) {
    throw new AppError(
      'data_folder_unusable',
      `The database is at schema ${applied.length}; this program needs ${migrations.length}. Stop the servers that use it, then start \`keyferry serve\` once to bring it up.`,
    );
  }
  const record = readonly
    ? undefined
    : database.prepare('INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)');
  for (const { number, name, sql, checksum } of missing) {
    database
      .transaction(() => {
        database.exec(sql);
        record?.run(number, name, checksum);
      })
      .immediate();
  }
  return migrations.length;
}

function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  const migrations = names.toSorted().map((name) => {
    const sql = readFileSync(`${folder}/${name}`, 'utf8');
    const checksum = createHash('sha256').update(sql).digest('hex');
    return { number: Number(/^\d+/.exec(name)?.[0]), name, sql, checksum };
  });
  for (const [index, { number, name }] of migrations.entries()) {
    if (number === index + 1) continue;
    throw new AppError(
      'migration_altered',
      `${name} stands where migration ${index + 1} is expected in ${folder}. Install the program anew.`,
    );
  }
  return migrations;
}

function readApplied(database: Database): AppliedRow[] {
  const exists = database
    .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'")
    .get();
  if (exists === undefined) return [];
  return database
    .prepare<[], AppliedRow>('SELECT number, name, checksum FROM migrations ORDER BY number')
    .all();
}

function requireUnaltered(migrations: readonly Migration[], applied: readonly AppliedRow[]): void {
  const newest = applied.at(-1)?.number ?? 0;
  if (newest > migrations.length) {
    throw new AppError(
      'database_newer',
      `The database is at schema ${newest}; this program knows ${migrations.length}. Use the newer program, or restore a backup made before the upgrade.`,
    );
  }
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (migration?.number === row.number && migration.checksum === row.checksum) continue;
    throw new AppError(
      'migration_altered',
      `Migration ${row.name} was applied with checksum ${row.checksum.slice(0, 12)}…, but the program has ${migration === undefined ? 'none' : `${migration.checksum.slice(0, 12)}…`}. Install the program anew; migrations are never edited.`,
    );
  }
}
