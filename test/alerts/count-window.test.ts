import { expect, test } from 'vitest';
import { ClientRefusals } from '../../src/alerts/client-refusals.js';
import { CountWindow } from '../../src/alerts/count-window.js';
import { RepeatedCounts } from '../../src/alerts/repeated-counts.js';

const WINDOW_MS = 600_000;

test('counts leave the window a tenth at a time', () => {
  const window = new CountWindow(WINDOW_MS, 10);
  window.add('a', 3, 0);
  window.add('a', 4, 90_000);
  expect(window.sums(WINDOW_MS - 1).get('a')).toBe(7);
  expect(window.sums(WINDOW_MS).get('a')).toBe(4);
  expect(window.sums(WINDOW_MS + 60_000).get('a')).toBeUndefined();
});

test('a million keys take no more memory than a few, and hide none that comes often', () => {
  const window = new CountWindow(WINDOW_MS, 100);
  for (let index = 0; index < 1_000_000; index++) {
    window.add(`made up ${index}`, 1, 0);
    if (index % 20 === 0) window.add('broken app', 1, 0);
  }
  const sums = window.sums(0);
  expect(sums.size).toBeLessThanOrEqual(100);
  expect(sums.get('broken app')).toBeGreaterThan(30_000);
  expect(sums.get('broken app')).toBeLessThanOrEqual(50_000);
});

test('what is fresh is told once, also while the window slides', () => {
  const counts = new RepeatedCounts(WINDOW_MS, 10);
  const take = (nowMs: number) => counts.take(nowMs, (sum) => sum >= 10).map(({ fresh }) => fresh);
  counts.add('a', 9, 0);
  expect(take(0)).toEqual([]);
  counts.add('a', 1, 1000);
  expect(take(1000)).toEqual([10]);
  expect(take(2000)).toEqual([0]);
  // As many as leave the window come anew.
  counts.add('a', 10, WINDOW_MS);
  expect(take(WINDOW_MS)).toEqual([10]);
});

test('made-up tokens become one alert, and one of a client its own', async () => {
  const refusals = new ClientRefusals();
  const shop = { id: 'c1', name: 'shop', environment: 'production' };
  const clients = {
    clientOfToken: async (start: string) => (start === 'kfc_shop0000' ? shop : undefined),
    getClient: async () => undefined,
  };
  for (let index = 0; index < 10_000; index++) {
    refusals.add({ clientId: undefined, tokenId: `kfc_${index}` }, 0);
  }
  for (let index = 0; index < 12; index++) {
    refusals.add({ clientId: undefined, tokenId: 'kfc_shop0000' }, 0);
  }
  const found = await refusals.findings(clients, 0);
  expect(found.map(({ subject, client }) => [subject, client])).toEqual([
    ['client c1', 'shop'],
    ['unknown tokens', undefined],
  ]);
  expect(JSON.stringify(found)).not.toContain('kfc_');
  expect(await refusals.findings(clients, 0)).toEqual([]);
});
