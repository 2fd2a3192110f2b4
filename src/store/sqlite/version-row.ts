import type { Database } from 'better-sqlite3';
import { AppError, type Version, type VersionState } from '../../core/index.js';
import type { VersionPlace } from './use-guard.js';

interface VersionRow {
  readonly version: number;
  readonly environment: string;
  readonly state: VersionState;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly activated_at_ms: number | null;
  readonly expires_at_ms: number | null;
  readonly note: string | null;
  readonly fields: string;
  readonly last_used_at_ms: number | null;
}

function toVersion(row: VersionRow, secret: string): Version {
  return {
    secret,
    environment: row.environment,
    version: row.version,
    state: row.state,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    activatedAtMs: row.activated_at_ms,
    expiresAtMs: row.expires_at_ms,
    note: row.note,
    fields: JSON.parse(row.fields),
    lastUsedAtMs: row.last_used_at_ms,
  };
}

/** Reads versions with their states. */
export interface VersionReader {
  /** Throws `not_found`. */
  require(place: VersionPlace): Version;
  /** Newest first. */
  list(secretId: string, secret: string, environment: string): Version[];
}

export function createVersionReader(database: Database): VersionReader {
  const one = database.prepare<[string, string, number], VersionRow>(
    'SELECT * FROM version_states WHERE secret_id = ? AND environment = ? AND version = ?',
  );
  const all = database.prepare<[string, string], VersionRow>(
    `SELECT * FROM version_states WHERE secret_id = ? AND environment = ? ORDER BY version DESC`,
  );
  return {
    require({ secret, environment, version }) {
      const row = one.get(secret.id, environment, version);
      if (row === undefined) {
        throw new AppError(
          'not_found',
          `There is no version ${version} of "${secret.name}" in ${environment}.`,
        );
      }
      return toVersion(row, secret.name);
    },
    list: (secretId, secret, environment) =>
      all.all(secretId, environment).map((row) => toVersion(row, secret)),
  };
}
