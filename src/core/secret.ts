/** Names of secrets. Case-sensitive. */
export const SECRET_NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,127}$/;

/** A value is 1 byte to 64 KiB. */
export const MAX_VALUE_BYTES = 64 * 1024;

export const SECRET_KINDS = [
  'api_key',
  'aws',
  'stripe',
  'database',
  'oauth',
  'jwt',
  'other',
] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

export const CRITICALITIES = ['critical', 'standard'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

/** What an operator says about a secret. Values are not part of it: they live in versions. */
export interface SecretAttributes {
  readonly description: string | null;
  readonly owner: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Hosts (`api.example.com` or `*.example.com`) that the secret may be sent to; empty = any. */
  readonly allowedHosts: readonly string[];
  readonly kind: SecretKind;
  readonly criticality: Criticality;
  /** How often it is to be rotated; null = the recommendation for its kind (`recommendedDays`). */
  readonly rotateEveryDays: number | null;
  /** Age at which it counts as overdue; null = the rotation interval. */
  readonly maximumAgeDays: number | null;
}

export interface Secret extends SecretAttributes {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

const RECOMMENDED_DAYS_BY_KIND: Partial<Record<SecretKind, number>> = {
  aws: 90,
  stripe: 180,
  database: 90,
  jwt: 180,
};

/** Days after which a secret should be rotated when nobody said otherwise (contract: defaults). */
export function recommendedDays(kind: SecretKind, criticality: Criticality): number {
  if (criticality === 'critical') return 30;
  return RECOMMENDED_DAYS_BY_KIND[kind] ?? 90;
}

export const VERSION_STATES = ['staged', 'current', 'previous', 'revoked', 'destroyed'] as const;

/**
 * `staged` → `current` → `previous` → `revoked` → `destroyed`. A rollback makes the previous version
 * current again and the one it replaces previous, so that going forward again is one step too.
 */
export type VersionState = (typeof VERSION_STATES)[number];

/** One immutable value of a secret in one environment, without the value. */
export interface Version {
  readonly secret: string;
  readonly environment: string;
  /** From 1, never renumbered or reused. */
  readonly version: number;
  readonly state: VersionState;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly activatedAtMs: number | null;
  readonly expiresAtMs: number | null;
  readonly note: string | null;
  /** Names of the fields where the value has several (`<<secret:aws.accessKeyId>>`). */
  readonly fields: readonly string[];
  readonly lastUsedAtMs: number | null;
}

/**
 * What lists of secrets are sorted by: `age` of the oldest current version, `lastUsed` (never = before all times),
 * `nextRotation`, the soonest. Those without an age or a next rotation come last in both orders.
 */
export const SECRET_SORTS = ['name', 'age', 'lastUsed', 'nextRotation'] as const;
export type SecretSort = (typeof SECRET_SORTS)[number];

export const SORT_ORDERS = ['asc', 'desc'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];
