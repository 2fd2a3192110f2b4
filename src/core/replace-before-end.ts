import type { DatedVersion } from './age-mark.js';

const DAY_MS = 86_400_000;

/** A run takes days, and a week before the end of a value somebody is warned. */
const AHEAD_MS = 10 * DAY_MS;
/** Whatever end a provider gives its keys, they bring on no more than one run a day. */
const REST_MS = DAY_MS;

/**
 * When a rotation is to replace a version because it expires: `aheadMs` before that, at half of a shorter life, and not
 * sooner than `restMs` from now. Null for one without an end.
 */
export function replaceBeforeEndMs(
  { createdAtMs, expiresAtMs }: DatedVersion,
  nowMs: number,
  { aheadMs, restMs } = { aheadMs: AHEAD_MS, restMs: REST_MS },
): number | null {
  if (expiresAtMs === null) return null;
  const halfMs = Math.round((createdAtMs + expiresAtMs) / 2);
  return Math.max(expiresAtMs - aheadMs, halfMs, nowMs + restMs);
}
