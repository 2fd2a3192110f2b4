import type { Database } from 'better-sqlite3';
import type { VersionPlace } from './use-guard.js';

/** Which versions of a secret in an environment are current and previous. */
export interface Pointers {
  readonly last_version: number;
  readonly current_version: number | null;
  readonly previous_version: number | null;
}

export interface PointerTable {
  get(secretId: string, environment: string): Pointers | undefined;
  /** Takes the next number if it is still `version`; false when another command was first. */
  claim(place: VersionPlace): boolean;
  /** Makes a version current and the one that was current previous. */
  makeCurrent(place: VersionPlace, atMs: number): void;
  /** Takes a version out of the pointers, before it is revoked or destroyed. */
  release(place: VersionPlace): void;
}

export function createPointerTable(database: Database): PointerTable {
  const get = database.prepare<[string, string], Pointers>(
    `SELECT last_version, current_version, previous_version FROM secret_environments
     WHERE secret_id = ? AND environment = ?`,
  );
  const insert = database.prepare<[string, string]>(
    `INSERT INTO secret_environments (secret_id, environment) VALUES (?, ?) ON CONFLICT DO NOTHING`,
  );
  const claim = database.prepare<[number, string, string, number]>(
    `UPDATE secret_environments SET last_version = ?
     WHERE secret_id = ? AND environment = ? AND last_version = ? - 1`,
  );
  const markActivated = database.prepare<[number, string, string, number]>(
    `UPDATE versions SET activated_at_ms = ?
     WHERE secret_id = ? AND environment = ? AND version = ?`,
  );
  const point = database.prepare<[number | null, number | null, number | null, string, string]>(
    `UPDATE secret_environments
     SET current_version = ?, current_since_ms = ?, previous_version = ?
     WHERE secret_id = ? AND environment = ?`,
  );
  const release = database.prepare<{ secret: string; environment: string; version: number }>(
    `UPDATE secret_environments SET
       current_since_ms = iif(current_version = @version, NULL, current_since_ms),
       current_version = nullif(current_version, @version),
       previous_version = nullif(previous_version, @version)
     WHERE secret_id = @secret AND environment = @environment`,
  );
  return {
    get: (secretId, environment) => get.get(secretId, environment),
    claim({ secret, environment, version }) {
      insert.run(secret.id, environment);
      return claim.run(version, secret.id, environment, version).changes === 1;
    },
    makeCurrent({ secret, environment, version }, atMs) {
      const before = get.get(secret.id, environment);
      const others = [before?.current_version ?? null, before?.previous_version ?? null];
      const previous = others.find((other) => other !== null && other !== version) ?? null;
      markActivated.run(atMs, secret.id, environment, version);
      point.run(version, atMs, previous, secret.id, environment);
    },
    release({ secret, environment, version }) {
      release.run({ secret: secret.id, environment, version });
    },
  };
}
