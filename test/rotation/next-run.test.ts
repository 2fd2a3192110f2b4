import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MaintenanceWindow, type RotationSchedule, WEEKDAYS } from '../../src/core/index.js';
import { nextRunAtMs, withJitter } from '../../src/rotation/index.js';
import { seededRandom } from '../support/seeded-random.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** With leaps of an hour and of half of one, at two in the morning and at midnight, in spring and in autumn. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'Asia/Kathmandu',
  'Pacific/Auckland',
];
const ALWAYS: RotationSchedule = {
  intervalDays: null,
  cron: null,
  timezone: 'UTC',
  window: null,
  jitterMinutes: 0,
};

/** By another way than the code's: what a clock in the zone shows. */
function clockAt(ms: number, timeZone: string): { day: string; time: string } {
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(ms);
  const [day = '', time = ''] = text.split(' ');
  return { day: day.toLowerCase().slice(0, 3), time };
}

function isInWindow({ days, from, until }: MaintenanceWindow, ms: number, zone: string): boolean {
  const { day, time } = clockAt(ms, zone);
  const at = (WEEKDAYS as readonly string[]).indexOf(day);
  const today = WEEKDAYS[at] ?? 'mon';
  const yesterday = WEEKDAYS[(at + 6) % 7] ?? 'mon';
  if (from < until) return days.includes(today) && from <= time && time < until;
  return (days.includes(today) && from <= time) || (days.includes(yesterday) && time < until);
}

const timeOfDay = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30, 45, 59))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const anyWindow = fc.record({
  days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
  from: timeOfDay,
  until: timeOfDay,
});
const anyTime = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2029, 0, 1) }),
  // Around the leaps of the clocks of most zones above.
  fc
    .tuple(
      fc.constantFrom(
        '2026-03-08',
        '2026-03-29',
        '2026-04-05',
        '2026-10-04',
        '2026-10-25',
        '2026-11-01',
      ),
      fc.integer({ min: -DAY_MS, max: 2 * DAY_MS }),
    )
    .map(([date, ms]) => Date.parse(date) + ms),
);
const anySchedule: fc.Arbitrary<RotationSchedule> = fc
  .record({
    intervalDays: fc.integer({ min: 1, max: 365 }),
    cron: fc.option(
      fc.constantFrom('30 2 * * *', '0 3 1 * *', '15 1,2,3 * * 1-5', '*/20 * * * *', '0 0 * * 0'),
    ),
    timezone: fc.constantFrom(...ZONES),
    window: fc.option(anyWindow),
    jitterMinutes: fc.integer({ min: 0, max: 1440 }),
  })
  .map((schedule) => (schedule.cron === null ? schedule : { ...schedule, intervalDays: null }));

describe('the next run', () => {
  test('is after the time it is asked from, inside the window, and neither early nor long overdue', () => {
    const property = fc.property(anySchedule, anyTime, (schedule, fromMs) => {
      const nextMs = nextRunAtMs(schedule, fromMs) ?? Number.NaN;
      expect(nextMs).toBeGreaterThan(fromMs);
      const { window, timezone, intervalDays, cron } = schedule;
      if (window !== null && !isInWindow(window, nextMs, timezone)) {
        throw new Error(`${new Date(nextMs).toISOString()} is outside`);
      }
      if (intervalDays !== null) {
        const dueMs = fromMs + intervalDays * DAY_MS;
        if (window === null) expect(nextMs).toBe(dueMs);
        // The beginning of the window of that day, which may be so much earlier than the last run was in its own.
        expect(nextMs).toBeGreaterThan(dueMs - DAY_MS - HOUR_MS);
        expect(nextMs).toBeLessThan(dueMs + 15 * DAY_MS);
      }
      if (cron !== null && window === null) expect(nextMs % MINUTE_MS).toBe(0);
    });
    fc.assert(property, { numRuns: 3000, seed: 1 });
  });

  test('is later by its jitter at most, and still inside the window', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    const property = fc.property(anySchedule, anyTime, random, (schedule, fromMs, drawn) => {
      const nextMs = nextRunAtMs(schedule, fromMs) ?? Number.NaN;
      const { jitterMinutes, window, timezone } = schedule;
      const laterMs = withJitter(schedule, nextMs, drawn);
      expect(laterMs).toBeGreaterThanOrEqual(nextMs);
      expect(laterMs).toBeLessThanOrEqual(nextMs + jitterMinutes * MINUTE_MS);
      if (window !== null) expect(isInWindow(window, laterMs, timezone)).toBe(true);
    });
    fc.assert(property, { numRuns: 1000, seed: 2 });
  });

  test.each(ZONES)(
    'every day at half past two is once a day, whatever the clocks do: %s',
    (timezone) => {
      const schedule = { ...ALWAYS, cron: '30 2 * * *', timezone };
      let atMs = Date.UTC(2026, 0, 1, 12);
      const days: string[] = [];
      while (days.length < 730) {
        atMs = nextRunAtMs(schedule, atMs) ?? Number.NaN;
        const { time } = clockAt(atMs, timezone);
        // Where the clocks leap over it, when they have leapt.
        expect(['02:30', '03:00']).toContain(time);
        days.push(new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(atMs));
      }
      expect(new Set(days).size).toBe(730);
      expect(Date.parse(days.at(-1) ?? '') - Date.parse(days[0] ?? '')).toBe(729 * DAY_MS);
    },
  );

  test.each(ZONES)('one a day in a window of the night is one in each window: %s', (timezone) => {
    const random = seededRandom(5);
    const window = { days: [...WEEKDAYS], from: '23:30', until: '02:15' };
    const schedule = { ...ALWAYS, intervalDays: 1, timezone, window, jitterMinutes: 120 };
    let atMs = nextRunAtMs(schedule, Date.UTC(2026, 0, 1, 12)) ?? Number.NaN;
    const startedAtMs = atMs;
    let runs = 0;
    while (atMs - startedAtMs < 400 * DAY_MS) {
      const plannedMs = withJitter(schedule, nextRunAtMs(schedule, atMs) ?? Number.NaN, random());
      expect(plannedMs - atMs).toBeGreaterThan(20 * HOUR_MS);
      expect(isInWindow(window, plannedMs, timezone)).toBe(true);
      atMs = plannedMs;
      runs++;
    }
    expect(runs).toBe(400);
  });

  test('of a cron expression that is due outside the window is when the window begins', () => {
    const window = { days: ['sat', 'sun'] as const, from: '04:00', until: '05:00' };
    const schedule = { ...ALWAYS, cron: '0 12 1 * *', timezone: 'Europe/Berlin', window };
    // 1 April 2026 is a Wednesday.
    const nextMs = nextRunAtMs(schedule, Date.parse('2026-03-20T00:00:00Z')) ?? Number.NaN;
    expect(new Date(nextMs).toISOString()).toBe('2026-04-04T02:00:00.000Z');
  });

  test('is none where a cron expression names no day that there is, or an expiry decides', () => {
    expect(nextRunAtMs({ ...ALWAYS, cron: '0 0 30 2 *' }, Date.UTC(2026, 0, 1))).toBeNull();
    expect(nextRunAtMs(ALWAYS, Date.UTC(2026, 0, 1))).toBeNull();
  });
});
