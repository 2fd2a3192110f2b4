import type { SealedValue, ValueReference } from '../../core/index.js';
import type { SecretRow } from './secret-row.js';
import type { Session } from './session.js';

/** A `ResolvedValue` whose value is still sealed. */
export type SealedAnswer =
  | {
      readonly status: 'found';
      readonly secretId: string;
      readonly version: number;
      readonly sealed: SealedValue;
      readonly expiresAtMs: number | null;
      readonly fields: readonly string[];
      readonly allowedHosts: readonly string[];
    }
  | { readonly status: 'missing' }
  /** One of its rows was altered; version 0 where it is not known which one is meant. */
  | { readonly status: 'damaged'; readonly version: number }
  | { readonly status: 'revoked'; readonly version: number };

/** A usable version by its names. */
export interface ValueRow {
  readonly position: number;
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
}

interface PointerRow {
  readonly secret_id: string;
  readonly current_version: number | null;
}

interface SealedRow {
  readonly version: number;
  readonly revoked_at_ms: number | null;
  readonly expires_at_ms: number | null;
  readonly fields: string;
  readonly algorithm: string;
  readonly key_id: string;
  readonly wrapped_key: Uint8Array | null;
  readonly ciphertext: Uint8Array | null;
}

export function resolveCommands({ database, ledger, lookup, read }: Session) {
  const pointerRow = database.prepare<[string, string], PointerRow>(
    'SELECT * FROM secret_environments WHERE secret_id = ? AND environment = ?',
  );
  const versionRow = database.prepare<[string, string, number], SealedRow>(
    'SELECT * FROM versions WHERE secret_id = ? AND environment = ? AND version = ?',
  );
  const lastCurrent = database
    .prepare<[string, string], number>(
      `SELECT version FROM versions
       WHERE secret_id = ? AND environment = ? AND activated_at_ms IS NOT NULL
       ORDER BY activated_at_ms DESC, version DESC LIMIT 1`,
    )
    .pluck();

  const withValue = database.prepare<[number, number], ValueRow>(
    `SELECT v.position, s.name AS secret, v.environment, v.version
     FROM versions AS v JOIN secrets AS s ON s.id = v.secret_id
     WHERE v.position > ? AND v.revoked_at_ms IS NULL AND v.destroyed_at_ms IS NULL
     ORDER BY v.position LIMIT ?`,
  );

  const resolve = ({ secret: name, environment, version }: ValueReference): SealedAnswer => {
    const secret: SecretRow | undefined = lookup.secret(name);
    const row = secret === undefined ? undefined : pointerRow.get(secret.id, environment);
    if (secret === undefined || row === undefined) return { status: 'missing' };
    // Both, so that both are named.
    const secretHolds = ledger.holds('secrets', secret);
    const pointerHolds = ledger.holds('secret_environments', row);
    if (!secretHolds || !pointerHolds) return { status: 'damaged', version: version ?? 0 };
    const wanted = version ?? row.current_version;
    if (wanted === null) {
      // There was one, and a forced revoke or destroy took it away; or the first is a rotation's, not in use yet.
      const last = lastCurrent.get(row.secret_id, environment);
      return last === undefined ? { status: 'missing' } : { status: 'revoked', version: last };
    }
    const found = versionRow.get(row.secret_id, environment, wanted);
    if (found === undefined) return { status: 'missing' };
    if (!ledger.holds('versions', found)) return { status: 'damaged', version: wanted };
    const { wrapped_key: wrappedKey, ciphertext } = found;
    if (found.revoked_at_ms !== null || wrappedKey === null || ciphertext === null) {
      return { status: 'revoked', version: wanted };
    }
    const { algorithm, key_id: keyId } = found;
    return {
      status: 'found',
      secretId: row.secret_id,
      version: wanted,
      sealed: { algorithm, keyId, wrappedKey, ciphertext },
      expiresAtMs: found.expires_at_ms,
      fields: JSON.parse(found.fields),
      allowedHosts: JSON.parse(secret.allowed_hosts),
    };
  };

  const isMissing = (reference: ValueReference): boolean => resolve(reference).status !== 'found';

  return {
    resolveSealed: (references: readonly ValueReference[]): SealedAnswer[] =>
      read(() => references.map(resolve)),
    missingValues: (references: readonly ValueReference[]): ValueReference[] =>
      read(() => references.filter(isMissing)),
    /** Every usable version, in order of position. */
    valueReferences: ({ after, limit }: { after: number; limit: number }): ValueRow[] =>
      withValue.all(after, limit),
  };
}
