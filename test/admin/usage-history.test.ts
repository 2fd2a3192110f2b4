import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UsageHistoryAnswer } from '../../src/core/index.js';
import { runCaptured } from '../cli/capture.js';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

let admin: TestAdmin;
let nowMs: number;

beforeAll(async () => {
  admin = await startAdmin();
  const { store, clock } = admin.opened;
  await addSecret(admin, 'pay_key', ['production', 'staging']);
  await addSecret(admin, 'mail_key', ['production']);
  nowMs = clock.now();
  const requests = [
    { environment: 'production', outcome: 'accepted', count: 5, atMs: nowMs - MINUTE_MS },
    { environment: 'production', outcome: 'notSent', count: 1, atMs: nowMs - 20 * MINUTE_MS },
    { environment: 'staging', outcome: 'refused', count: 2, atMs: nowMs - 7 * DAY_MS },
    { environment: undefined, outcome: 'notSent', count: 3, atMs: nowMs - MINUTE_MS },
  ] as const;
  const { items } = (await admin.call('GET', '/v1/secrets')).body;
  const secretId = items.find(({ name }: { name: string }) => name === 'pay_key').id;
  const place = { secretId, version: 1, route: 'api', clientId: 'c', outcome: 'accepted' } as const;
  const at = { firstUsedAtMs: nowMs - MINUTE_MS, lastUsedAtMs: nowMs - MINUTE_MS };
  await store.recordUsage(
    [
      { ...place, ...at, environment: 'production', count: 4 },
      { ...place, ...at, environment: 'staging', count: 6 },
    ],
    [],
    requests,
  );
});
afterAll(() => admin.stop());

async function history(query: string, token = admin.rootToken): Promise<UsageHistoryAnswer> {
  const { status, body } = await admin.call('GET', `/v1/usage/history${query}`, { token });
  expect(status).toBe(200);
  return body;
}

/** `environment version: counts` of each series, summed up. */
async function totals(query: string, token?: string): Promise<string[]> {
  const { series } = await history(query, token);
  return series.map(({ environment, version, points }) => {
    const sum = (what: 'accepted' | 'refused' | 'failed' | 'notSent'): number =>
      points.reduce((total, point) => total + point[what], 0);
    const counts = [sum('accepted'), sum('refused'), sum('failed'), sum('notSent')].join(' ');
    return `${environment} ${version}: ${counts}`;
  });
}

test('requests are told by environment, those with a secret by version', async () => {
  expect(await totals('')).toEqual(['null null: 0 0 0 3', 'production null: 5 0 0 1']);
  expect(await totals('?environment=production')).toEqual(['production null: 5 0 0 1']);
  expect((await totals('?secret=pay_key')).sort()).toEqual([
    'production 1: 4 0 0 0',
    'staging 1: 6 0 0 0',
  ]);
  const since = encodeURIComponent(new Date(nowMs - 8 * DAY_MS).toISOString());
  expect(await totals(`?since=${since}`)).toContain('staging null: 0 2 0 0');
});

test('buckets are as long as asked for, and begin at whole ones', async () => {
  const fine = await history('?environment=production');
  expect(fine.bucketSeconds).toBe(300);
  expect(fine.series[0]?.points).toHaveLength(2);
  expect(Date.parse(fine.since) % (5 * MINUTE_MS)).toBe(0);
  const daily = await history('?environment=production&bucket=1d');
  expect(daily.series[0]?.points).toEqual([
    expect.objectContaining({ accepted: 5, notSent: 1, at: expect.stringContaining('T00:00:00') }),
  ]);
  const week = new Date(nowMs - 7 * DAY_MS).toISOString();
  expect((await history(`?since=${week}`)).bucketSeconds).toBe(3600);
  for (const query of [
    `?since=${week}&bucket=5m`,
    '?bucket=1s',
    '?since=2027-01-01T00:00:00Z',
    '?since=yesterday',
    `?until=${new Date(nowMs - 32 * DAY_MS).toISOString()}`,
  ]) {
    const refused = await admin.call('GET', `/v1/usage/history${query}`);
    expect([refused.status, refused.body.code], query).toEqual([400, 'invalid_request']);
  }
});

test('the command shows the same as a table', async () => {
  const run = async (...argv: string[]) => {
    const environment = {
      KEYFERRY_ADMIN_URL: admin.origin,
      KEYFERRY_ADMIN_TOKEN: admin.rootToken,
    };
    const { stdout } = await runCaptured(['usage', ...argv], { environment, nowMs });
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
  };
  const [head, ...rows] = await run('--since', '7d', '--environment', 'production');
  expect(head).toEqual(['FROM', 'ENVIRONMENT', 'ACCEPTED', 'REFUSED', 'FAILED', 'NOT SENT']);
  expect(rows.map((row) => row.slice(1))).toEqual([['production', '5', '0', '0', '1']]);
  const ofSecret = await run('--secret', 'pay_key');
  expect(ofSecret.slice(1).map((row) => row.slice(1))).toEqual([
    ['production', 'v1', '4', '0', '0'],
    ['staging', 'v1', '6', '0', '0'],
  ]);
  expect(await run('--secret', 'mail_key')).toEqual([['No requests.']]);
});

test('a limited token is told of its own', async () => {
  const production = await admin.mint({ role: 'viewer', environments: ['production'] });
  expect(await totals('', production)).toEqual(['production null: 5 0 0 1']);
  expect(await totals('?secret=pay_key', production)).toEqual(['production 1: 4 0 0 0']);
  const pay = await admin.mint({ role: 'viewer', secretPrefix: 'pay_' });
  expect(await totals('', pay)).toEqual([]);
  expect(await totals('?secret=pay_key', pay)).toHaveLength(2);
  for (const [token, query] of [
    [production, '?environment=staging'],
    [pay, '?secret=mail_key'],
    [admin.rootToken, '?secret=pay_kye'],
  ] as const) {
    expect((await admin.call('GET', `/v1/usage/history${query}`, { token })).status).toBe(404);
  }
});
