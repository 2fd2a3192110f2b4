import { recommendedDays, type SecretAttributes } from './secret.js';

const DAY_MS = 86_400_000;

export const AGE_MARKS = ['fresh', 'ageing', 'overdue'] as const;
export type AgeMark = (typeof AGE_MARKS)[number];

/** From this share of its maximum age on a version is ageing. */
export const AGEING_SHARE = 0.75;

/** Days without a use after which a secret counts as unused (contract: defaults). */
export const UNUSED_DAYS = 30;

/** What is said about how old a secret's values may become. */
export type AgeLimits = Pick<
  SecretAttributes,
  'kind' | 'criticality' | 'rotateEveryDays' | 'maximumAgeDays'
>;

/** What a version is judged by. */
export interface DatedVersion {
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
}

/** Days after which it is to be rotated: as set, or the recommendation for its kind. */
export function rotateEveryDays(secret: Omit<AgeLimits, 'maximumAgeDays'>): number {
  return secret.rotateEveryDays ?? recommendedDays(secret.kind, secret.criticality);
}

/** Days from which on it is overdue: as set, or the interval of its rotation. */
export function maximumAgeDays(secret: AgeLimits): number {
  return secret.maximumAgeDays ?? rotateEveryDays(secret);
}

/**
 * How the age of a current version is to be judged: `overdue` from its maximum age on, and when it has expired;
 * `ageing` from three quarters of that age on.
 */
export function markAge(secret: AgeLimits, version: DatedVersion, nowMs: number): AgeMark {
  return markAgeWithin(maximumAgeDays(secret), version, nowMs);
}

/** The same by the days from which on it counts as overdue. */
export function markAgeWithin(
  limitDays: number,
  { createdAtMs, expiresAtMs }: DatedVersion,
  nowMs: number,
): AgeMark {
  const limitMs = limitDays * DAY_MS;
  const ageMs = nowMs - createdAtMs;
  if (ageMs >= limitMs || (expiresAtMs !== null && expiresAtMs <= nowMs)) return 'overdue';
  return ageMs >= limitMs * AGEING_SHARE ? 'ageing' : 'fresh';
}

/** When a person is to replace a current version: by its age, or before it expires. */
export function rotateAtMs(secret: AgeLimits, { createdAtMs, expiresAtMs }: DatedVersion): number {
  const byAgeMs = createdAtMs + rotateEveryDays(secret) * DAY_MS;
  return expiresAtMs === null ? byAgeMs : Math.min(byAgeMs, expiresAtMs);
}
