import type { Database } from 'better-sqlite3';
import { AppError, nearestName } from '../../core/index.js';
import type { RowLedger } from './row-ledger.js';
import type { SecretRow } from './secret-row.js';

/** Names that are looked through for a likely misspelling; bounded, because a store may hold many. */
const NEAREST_CANDIDATES = 5_000;

/** Finds what a command names, or says that it is not there, with the nearest spelling as a problem. */
export interface Lookup {
  /** As the row says, which may have been altered. */
  secret(name: string): SecretRow | undefined;
  /** Throws `not_found`, and `database_corrupt` when its row was altered. */
  requireSecret(name: string): SecretRow;
  /** Throws `environment_unknown`. Reserved environments count only where `reserved` says so. */
  requireEnvironment(name: string, options?: { reserved: boolean }): void;
}

export function createLookup(database: Database, ledger: RowLedger): Lookup {
  const byName = database.prepare<[string], SecretRow>('SELECT * FROM secrets WHERE name = ?');
  const sameFirstLetter = database
    .prepare<[string, string, number], string>(
      'SELECT name FROM secrets WHERE substr(name, 1, 1) IN (?, ?) LIMIT ?',
    )
    .pluck();
  const environments = database.prepare<[], { name: string; reserved: number }>(
    'SELECT * FROM environments ORDER BY name',
  );

  const requireSecret = (name: string): SecretRow => {
    const row = byName.get(name);
    if (row !== undefined) {
      ledger.requireIntact('secrets', row);
      return row;
    }
    const first = name.slice(0, 1);
    const candidates = sameFirstLetter.all(
      first.toLowerCase(),
      first.toUpperCase(),
      NEAREST_CANDIDATES,
    );
    const detail = `There is no secret "${name}".`;
    throw unknown('not_found', 'secret', detail, `no secret "${name}"`, name, candidates);
  };

  return {
    secret: (name) => byName.get(name),
    requireSecret,
    requireEnvironment(name, { reserved } = { reserved: false }) {
      const rows = environments.all().filter((row) => ledger.holds('environments', row));
      if (rows.some((row) => row.name === name && (reserved || row.reserved === 0))) return;
      const names = rows.filter((row) => row.reserved === 0).map((row) => row.name);
      const found = `"${name}" is not declared`;
      const detail = `The environment ${found}; declared are ${names.join(', ')}.`;
      throw unknown('environment_unknown', 'environment', detail, found, name, names);
    },
  };
}

/** `message` is a part of `detail`: who shows both can leave it out. */
function unknown(
  code: 'not_found' | 'environment_unknown',
  path: string,
  detail: string,
  message: string,
  name: string,
  candidates: readonly string[],
): AppError {
  const nearest = nearestName(name, candidates);
  return new AppError(code, detail, {
    problems: [{ path, message, ...(nearest === undefined ? {} : { nearest }) }],
  });
}
