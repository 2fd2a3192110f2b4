import { hash } from 'node:crypto';

/** What a column of a sealed table may hold. */
export type SealedValue = string | number | null | Uint8Array;

export interface SealedTable {
  /** The columns that name a row; they come first. */
  readonly key: readonly string[];
  /** What else it says. */
  readonly columns: readonly string[];
  /** A row that was altered may still be ended: what an UPDATE then makes of it. */
  readonly ends?: string;
}

/**
 * The tables whose rows decide where values go and who may use or change them. Left out are columns that only
 * observe (`last_used_at_ms`), that are sealed by themselves (`ciphertext`, `wrapped_key`, those of a run's material),
 * that only say who is at work (`holder` of a run and its lease), and tables that follow from these
 * (`route_references`, `listed_secrets`, `listed_environments`) or decide nothing (`usage`, `usage_history`, `cutover_observations`, `alerts`, `deliveries`, `run_events`).
 */
export const SEALED_TABLES = {
  environments: { key: ['name'], columns: ['created_at_ms', 'reserved'] },
  secrets: {
    key: ['id'],
    columns: [
      'name',
      'description',
      'owner',
      'labels',
      'allowed_hosts',
      'kind',
      'criticality',
      'rotate_every_days',
      'maximum_age_days',
      'created_at_ms',
      'updated_at_ms',
    ],
  },
  secret_environments: {
    key: ['secret_id', 'environment'],
    columns: ['last_version', 'current_version', 'current_since_ms', 'previous_version'],
  },
  versions: {
    key: ['secret_id', 'environment', 'version'],
    columns: [
      'created_at_ms',
      'created_by',
      'activated_at_ms',
      'revoked_at_ms',
      'destroyed_at_ms',
      'expires_at_ms',
      'note',
      'fields',
    ],
    ends: 'NEW.revoked_at_ms IS NOT NULL OR NEW.destroyed_at_ms IS NOT NULL',
  },
  routes_revisions: {
    key: ['revision'],
    columns: ['document', 'created_at_ms', 'created_by', 'source', 'restores'],
  },
  cutovers: {
    key: ['id'],
    columns: [
      'secret_id',
      'secret',
      'environment',
      'from_version',
      'to_secret_id',
      'to_secret',
      'to_version',
      'settings',
      'state',
      'step',
      'paused',
      'hold',
      'started_at_ms',
      'started_by',
      'step_started_at_ms',
      'current_since_ms',
      'window_ends_at_ms',
      'ended_at_ms',
      'reason',
      'ended_by_itself',
      'evidence',
    ],
    ends: 'NEW.ended_at_ms IS NOT NULL',
  },
  rotations: {
    key: ['id'],
    columns: [
      'secret_id',
      'secret',
      'environment',
      'provider',
      'settings',
      'state',
      'next_run_at_ms',
      'created_at_ms',
      'created_by',
      'updated_at_ms',
    ],
  },
  rotation_runs: {
    key: ['id'],
    columns: [
      'rotation_id',
      'secret_id',
      'secret',
      'environment',
      'provider',
      'begun_by',
      'state',
      'resumes_as',
      'epoch',
      'principal',
      'from_version',
      'to_version',
      'step_id',
      'key_ids_before',
      'old_key_id',
      'new_key_id',
      'orphan_key_ids',
      'cutover_id',
      'attempts',
      'retry_at_ms',
      'deadline_at_ms',
      'problem',
      'started_at_ms',
      'started_by',
      'state_since_ms',
      'ended_at_ms',
      'reason',
    ],
  },
  provider_keys: { key: ['secret_id', 'environment', 'version'], columns: ['state', 'key_id'] },
  clients: {
    key: ['id'],
    columns: [
      'name',
      'environment',
      'routes',
      'cidrs',
      'limits',
      'token_id',
      'token_hash',
      'created_at_ms',
      'expires_at_ms',
      'revoked_at_ms',
    ],
    ends: 'NEW.revoked_at_ms IS NOT NULL',
  },
  admins: {
    key: ['id'],
    columns: [
      'name',
      'role',
      'environments',
      'secret_prefix',
      'token_id',
      'token_hash',
      'created_at_ms',
      'expires_at_ms',
      'revoked_at_ms',
    ],
    ends: 'NEW.revoked_at_ms IS NOT NULL',
  },
  channels: {
    key: ['id'],
    columns: ['name', 'settings', 'created_at_ms', 'created_by'],
  },
  sessions: {
    key: ['id'],
    columns: [
      'origin',
      'admin_id',
      'identity',
      'token_id',
      'token_hash',
      'created_at_ms',
      'expires_at_ms',
      'ended_at_ms',
    ],
    ends: 'NEW.ended_at_ms IS NOT NULL',
  },
  sign_in_links: {
    key: ['id'],
    columns: ['admin_id', 'token_id', 'token_hash', 'expires_at_ms', 'used_at_ms'],
    ends: 'NEW.used_at_ms IS NOT NULL',
  },
} as const satisfies Record<string, SealedTable>;

export type SealedTableName = keyof typeof SEALED_TABLES;

export const SEALED_TABLE_NAMES = Object.keys(SEALED_TABLES) as readonly SealedTableName[];

const ALL_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(SEALED_TABLES).map(([table, { key, columns }]) => [table, [...key, ...columns]]),
);

/** Key first, as `rowDigest` takes them. */
export function sealedColumns(table: SealedTableName): readonly string[] {
  return ALL_COLUMNS.get(table) ?? [];
}

const KEY_BYTES = 16;

/** Where a row stands in the ledger; its first byte is the bucket. */
export function rowKey(table: SealedTableName, key: readonly SealedValue[]): Buffer {
  return hash('sha256', asText('key', table, key), 'buffer').subarray(0, KEY_BYTES);
}

/** What a row says. */
export function rowDigest(table: SealedTableName, values: readonly SealedValue[]): Buffer {
  return hash('sha256', asText('row', table, values), 'buffer');
}

/**
 * One text for one list of values: each that is not null, with the name of its column. A column that a later
 * migration adds leaves the digests of rows as they are where it is null.
 */
function asText(what: string, table: SealedTableName, values: readonly SealedValue[]): string {
  const columns = sealedColumns(table);
  let text = `${what} ${table}`;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (value === null || value === undefined) continue;
    text += `\n${columns[index]} ${typeof value === 'string' ? JSON.stringify(value) : plain(value)}`;
  }
  return text;
}

function plain(value: number | Uint8Array): string {
  return typeof value === 'number' ? String(value) : `x${Buffer.from(value).toString('hex')}`;
}
