import { expect, test } from 'vitest';
import { type RecentFigures, RecentWindow } from '../../src/cutover/recent-figures.js';
import { START_MS, traffic } from './situation.js';

/** Failures and accepted attempts that a window shows. */
function summary({ figures, sinceMs }: RecentFigures) {
  const ofNew = figures.filter(({ side }) => side === 'new');
  const sum = (key: 'accepted' | 'failed') => ofNew.reduce((total, one) => total + one[key], 0);
  return { accepted: sum('accepted'), failed: sum('failed'), sinceMs };
}

test('an outage leaves the window a minute after it ended, where there is traffic', () => {
  const window = new RecentWindow(60);
  let [good, failed] = [0, 0];
  const seen: ReturnType<typeof summary>[] = [];
  for (let second = 0; second < 300; second++) {
    if (second >= 60 && second < 120) failed += 10;
    else good += 10;
    const figures = traffic('a', { new: good, failedNew: failed });
    seen.push(summary(window.take(figures, START_MS + second * 1000)));
  }
  expect(seen[59]).toEqual({ accepted: 600, failed: 0, sinceMs: null });
  expect(seen[119]).toEqual({ accepted: 90, failed: 600, sinceMs: START_MS + 50_000 });
  expect(seen[150]?.failed).toBeGreaterThan(200);
  expect(seen[190]).toEqual({ accepted: 600, failed: 0, sinceMs: START_MS + 130_000 });
  // What is remembered is the last minute and not much more, whatever came before.
  for (const { accepted, failed: bad } of seen.slice(70)) expect(accepted + bad).toBeLessThan(720);
});

test('of a quiet secret the last attempts are recent, however long ago', () => {
  const window = new RecentWindow(60);
  for (let hour = 0; hour < 1000; hour++) {
    const figures = traffic('a', { new: hour, failedNew: 20 });
    const { accepted, failed } = summary(window.take(figures, START_MS + hour * 3_600_000));
    if (hour < 30) expect(failed).toBe(20);
    if (hour > 60) expect({ accepted, failed }).toEqual({ accepted: 50, failed: 0 });
  }
});

test('a clock that is put back makes the window longer, never empty', () => {
  const window = new RecentWindow(60);
  const take = (attempts: number, ms: number) =>
    summary(window.take(traffic('a', { new: attempts }), START_MS + ms));
  take(100, 0);
  take(200, 100_000);
  expect(take(300, -3_600_000)).toEqual({ accepted: 300, failed: 0, sinceMs: null });
  expect(take(400, -3_600_000 + 70_000).accepted).toBeGreaterThan(50);
});

test('clients and routes are told apart', () => {
  const window = new RecentWindow(60);
  const figures = (a: number, b: number) => [
    ...traffic('a', { new: a }),
    ...traffic('b', { new: b }),
    ...traffic('a', { new: b }, { route: 'other' }),
  ];
  window.take(figures(10, 100), START_MS);
  const { figures: recent } = window.take(figures(70, 100), START_MS + 60_000);
  expect(
    recent
      .filter(({ side }) => side === 'new')
      .map(({ clientId, route, accepted }) => [clientId, route, accepted]),
  ).toEqual([
    ['a', 'api', 60],
    ['b', 'api', 0],
    ['a', 'other', 0],
  ]);
});

test('where steps are short, so is the window; never longer than a minute', () => {
  const lengthOf = (stepMinSeconds: number): number => {
    const window = new RecentWindow(stepMinSeconds);
    window.take(traffic('a', { failedNew: 100 }), START_MS);
    let ms = 0;
    const later = traffic('a', { failedNew: 100, new: 1000 });
    while (window.take(later, START_MS + ms).sinceMs === null) ms += 100;
    return ms;
  };
  expect([0, 5, 20, 60, 3600].map(lengthOf)).toEqual([5000, 5000, 20_000, 60_000, 60_000]);
});
