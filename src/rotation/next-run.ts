import { Cron } from 'croner';
import type { RotationSchedule } from '../core/index.js';
import {
  isInside,
  nextInside,
  nextWindowStart,
  type PlacedWindow,
  windowStart,
} from './maintenance-window.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Windows of two days begin at least so far apart, whatever the clocks do. */
const HALF_DAY_MS = DAY_MS / 2;
/** Most schedules share a few expressions. */
const MOST_CRONS = 4000;

interface PlacedCron {
  readonly cron: Cron;
  /** What was found last: from any time in between, the next time is the same. */
  fromMs: number;
  nextMs: number;
}

const crons = new Map<string, PlacedCron>();

/** The first time after `fromMs`; undefined for none. Throws where it is no expression of five fields. */
export function nextTickMs(
  expression: string,
  timezone: string,
  fromMs: number,
): number | undefined {
  const key = `${timezone} ${expression}`;
  let placed = crons.get(key);
  if (placed === undefined) {
    if (crons.size >= MOST_CRONS) crons.clear();
    placed = { cron: readCron(expression, timezone), fromMs: 0, nextMs: 0 };
    crons.set(key, placed);
  }
  if (fromMs >= placed.fromMs && fromMs < placed.nextMs) return placed.nextMs;
  const nextMs = placed.cron.nextRun(new Date(fromMs))?.getTime();
  if (nextMs !== undefined) Object.assign(placed, { fromMs, nextMs });
  return nextMs;
}

function readCron(expression: string, timezone: string): Cron {
  return new Cron(expression, {
    timezone,
    mode: '5-part',
    // A time that the clocks show twice is met once, also in a list of times.
    fixedTimeRule: 'no-wildcard',
    paused: true,
  });
}

/**
 * The first time after `fromMs` that the schedule and its window allow; null where it names none. An interval is
 * counted from `fromMs`, or from the beginning of the window that `fromMs` is inside of, so that what begins late in
 * one window does not miss a later one. A cron expression says from when on a run is due: it begins in the window.
 */
export function nextRunAtMs(
  { intervalDays, cron, timezone, window }: Omit<RotationSchedule, 'jitterMinutes'>,
  fromMs: number,
): number | null {
  const placed = window === null ? undefined : { window, timezone };
  if (cron !== null) {
    const tickMs = nextTickMs(cron, timezone, fromMs);
    if (tickMs === undefined) return null;
    return placed === undefined ? tickMs : nextInside(placed, tickMs);
  }
  if (intervalDays === null) return null;
  const dueMs = fromMs + intervalDays * DAY_MS;
  if (placed === undefined) return dueMs;
  const startMs = windowStart(placed, fromMs);
  if (startMs === undefined) return nextInside(placed, dueMs);
  const sameTimeMs = startMs + intervalDays * DAY_MS;
  return nextWindowStart(placed, Math.max(sameTimeMs - HALF_DAY_MS, fromMs + 1));
}

/** Up to `jitterMinutes` later, and still inside the window. `random` is from 0 to 1. */
export function withJitter(
  { jitterMinutes, timezone, window }: RotationSchedule,
  atMs: number,
  random: number,
): number {
  let jitterMs = Math.floor(jitterMinutes * MINUTE_MS * random);
  if (window === null) return atMs + jitterMs;
  const placed: PlacedWindow = { window, timezone };
  while (jitterMs > 0 && !isInside(placed, atMs + jitterMs)) jitterMs = Math.floor(jitterMs / 2);
  return atMs + jitterMs;
}
