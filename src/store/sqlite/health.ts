import type { StoreHealth } from '../../core/index.js';
import { sqliteVersion } from './open-database.js';
import type { Session } from './session.js';

/** Reading every page takes about a second per gigabyte: not for every probe of a load balancer. */
const INTEGRITY_KEPT_MS = 600_000;

export function healthCommands({ database, ledger, now }: Session, schemaVersion: number) {
  const count = (table: 'secrets' | 'versions') =>
    database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck();
  const secrets = count('secrets');
  const versions = count('versions');
  const newestTime = database
    .prepare<[], number | null>(
      `SELECT max(at_ms) FROM (
         SELECT max(at_ms) AS at_ms FROM audit
         UNION ALL SELECT max(last_used_at_ms) FROM secret_environments
       )`,
    )
    .pluck();
  let integrity: { found: string; atMs: number } | undefined;
  const pragma = (name: string): unknown => database.pragma(name, { simple: true });

  return {
    check(): StoreHealth {
      const atMs = now();
      if (integrity === undefined || Math.abs(atMs - integrity.atMs) > INTEGRITY_KEPT_MS) {
        integrity = { found: String(pragma('quick_check(1)')), atMs };
      }
      return {
        sqliteVersion: sqliteVersion(database),
        journalMode: String(pragma('journal_mode')),
        synchronous: pragma('synchronous') === 2 ? 'full' : String(pragma('synchronous')),
        schemaVersion,
        bytes: Number(pragma('page_count')) * Number(pragma('page_size')),
        integrity: integrity.found,
        secrets: secrets.get() ?? 0,
        versions: versions.get() ?? 0,
      };
    },

    /** What SQLite finds wrong with the file, and foreign keys that lead nowhere; empty = nothing. */
    findDamage(): string[] {
      const rows = database.prepare<[], string>('PRAGMA integrity_check(20)').pluck().all();
      const orphans = database.prepare<[], string>('PRAGMA foreign_key_check').pluck().all();
      return [
        ...rows.filter((row) => row !== 'ok'),
        ...new Set(orphans.map((table) => `a row of ${table} refers to nothing`)),
      ];
    },

    /** Rows that were looked at and are not used, because another program altered them. */
    alteredRows: () => ledger.altered(),
    verifyRows: () => ledger.verify(),

    /** The latest time that the database knows of; a clock that is behind it went back. */
    newestTimeMs: (): number | null => newestTime.get() ?? null,
  };
}
