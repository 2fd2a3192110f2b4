import { expect, test } from 'vitest';
import { type RotationSchedule, WEEKDAYS } from '../../src/core/index.js';
import { nextRunAtMs, withJitter } from '../../src/rotation/index.js';
import { seededRandom } from '../support/seeded-random.js';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Auckland',
];

test('10,000 schedules are planned within a second', () => {
  const random = seededRandom(7);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const schedules = Array.from({ length: 10_000 }, (_, at): RotationSchedule => {
    const hour = Math.floor(random() * 24);
    const window = {
      days: [...WEEKDAYS],
      from: `${String(hour).padStart(2, '0')}:00`,
      until: '05:30',
    };
    return {
      intervalDays: at % 3 === 0 ? null : 1 + Math.floor(random() * 365),
      cron: at % 3 === 0 ? `${pick([0, 15, 30])} ${hour} * * ${pick(['*', '1-5', '6'])}` : null,
      timezone: pick(ZONES) ?? 'UTC',
      window: at % 2 === 0 ? window : null,
      jitterMinutes: 60,
    };
  });
  // The least of three, each in a year of its own: one may fall into a moment when the machine is slow.
  const tookMs = [2026, 2036, 2046].map((year) => {
    const fromMs = Date.UTC(year, 10, 21);
    const before = process.cpuUsage();
    const planned = schedules.map((schedule) => {
      const nextMs = nextRunAtMs(schedule, fromMs);
      return nextMs === null ? null : withJitter(schedule, nextMs, random());
    });
    const { user, system } = process.cpuUsage(before);
    expect(planned.every((atMs) => atMs !== null && atMs > fromMs)).toBe(true);
    return (user + system) / 1000;
  });
  expect(Math.min(...tookMs)).toBeLessThan(1000);
});
