import { type Rotation, replaceBeforeEndMs, type Version } from '../core/index.js';
import { nextRunAtMs, withJitter } from './next-run.js';

const MINUTE_MS = 60_000;
/** A run that has failed has tried a few times: none is begun sooner, whatever the schedule says. */
const REST_AFTER_FAILURE_MS = 5 * MINUTE_MS;

/**
 * When a rotation without an open run begins the next one; null where nobody knows. An interval is counted from the
 * beginning of the last run: what has passed meanwhile is due at once, and once. What is `current` is replaced before it
 * expires: `aheadMs` before where values expire by themselves, otherwise as `replaceBeforeEndMs` of core says. After
 * a run that has failed it rests first.
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
  const hasFailed = run !== null && run.state !== 'DONE';
  const pace = aheadMs === undefined ? undefined : { aheadMs, restMs: 0 };
  const endMs = current === undefined ? null : replaceBeforeEndMs(current, nowMs, pace);
  if (plannedMs === null && endMs === null) return null;
  const nextMs = Math.min(plannedMs ?? Number.POSITIVE_INFINITY, endMs ?? Number.POSITIVE_INFINITY);
  return hasFailed ? Math.max(nextMs, nowMs + REST_AFTER_FAILURE_MS) : nextMs;
}
