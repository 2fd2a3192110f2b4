import type { Rotation, Version } from '../core/index.js';
import { nextRunAtMs, withJitter } from './next-run.js';

const MINUTE_MS = 60_000;
/** A run that has failed is not begun again sooner, however soon the value expires. */
const REST_AFTER_FAILURE_MS = 5 * MINUTE_MS;

/**
 * When a rotation without an open run begins the next one; null where nobody knows. An interval is counted from the
 * beginning of the last run: what has passed meanwhile is due at once, and once. `aheadMs` and `current` are of
 * values that expire by themselves.
 */
export function planRotation(
  rotation: Rotation,
  aheadMs: number | undefined,
  current: Version | undefined,
  nowMs: number,
  random: number,
): number | null {
  const { run, cron } = rotation;
  const beganAtMs = run?.startedAtMs ?? nowMs;
  const fromMs = cron === null ? beganAtMs : Math.max(beganAtMs, nowMs);
  const scheduledMs = nextRunAtMs(rotation, fromMs);
  const plannedMs = scheduledMs === null ? null : withJitter(rotation, scheduledMs, random);
  if (aheadMs === undefined) return plannedMs;
  const expiresAtMs = current?.expiresAtMs ?? null;
  if (current === undefined || expiresAtMs === null) return plannedMs;
  // A short life is used by half at least.
  const halfMs = (current.createdAtMs + expiresAtMs) / 2;
  const aheadOfEndMs = Math.round(Math.max(expiresAtMs - aheadMs, halfMs));
  const hasFailed = run !== null && run.state !== 'DONE';
  const earliestMs = hasFailed ? nowMs + REST_AFTER_FAILURE_MS : 0;
  return Math.max(Math.min(aheadOfEndMs, plannedMs ?? aheadOfEndMs), earliestMs);
}
