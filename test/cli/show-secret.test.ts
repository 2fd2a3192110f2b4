import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

const nowMs = Date.parse('2026-11-21T12:00:00Z');
const lastUsedAt = new Date(nowMs - 60_000).toISOString();
const version = { environment: 'production', version: 1, state: 'current', fields: [] };
const times = { createdAt: lastUsedAt, lastUsedAt, expiresAt: null };
const consumer = { route: 'api', applied: true, client: 'shop', version: 1, lastUsedAt };
const unused = { route: 'jobs', applied: true, client: null, version: null, lastUsedAt: null };
const cutover = { id: 'c1', state: 'CANARY', percent: 10 };
const rotation = {
  ...{ id: 'r1', provider: 'aws', state: 'active', status: 'failed' },
  ...{ nextRunAt: new Date(nowMs + 12 * 86_400_000).toISOString() },
  run: { id: 'n1', state: 'ROLLED_BACK', problem: null },
};
const production = {
  ...{ environment: 'production', consumers: [consumer, unused], cutover, rotation },
};
const secret = {
  ...{ name: 'db', kind: 'other', criticality: 'standard', labels: {}, allowedHosts: [] },
  ...{ routes: ['api'], clients: ['shop'], environments: [production] },
  ...{ description: null, owner: null, rotateEveryDays: 90, maximumAgeDays: 90, ...times },
};
const counts = { accepted: 7, refused: 0, failed: 1 };
const usage = [
  { environment: 'production', version: 1, route: 'api', client: 'shop', ...counts, lastUsedAt },
];

let api: StandIn;
let used: typeof usage = usage;
let versions: object[] = [];
const kept = {
  safe: false,
  reasons: [
    { code: 'recently_used', message: 'it was used' },
    { code: 'pinned', message: 'it is pinned' },
  ],
  safeFrom: null,
};
beforeEach(async () => {
  used = usage;
  versions = [{ ...version, ...times }];
  production.consumers = [consumer, unused];
  api = await startStandIn(({ url }) =>
    url.endsWith('/versions')
      ? { body: { items: versions, nextCursor: null } }
      : { body: { ...secret, usage: used } },
  );
});
afterEach(() => api.close());
const show = async () =>
  (await runCaptured(['secrets', 'show', 'db'], { environment: api.environment, nowMs })).stdout;

it('a secret is shown with who used which version', async () => {
  expect((await show()).split('\n\n').at(-1)).toBe(
    [
      'USED IN     VERSION  ROUTE  CLIENT  ACCEPTED  REFUSED  FAILED  LAST USED',
      'production        1  api    shop           7        0       1  1 min ago',
      'production        –  jobs   –              0        0       0      never',
      '',
    ].join('\n'),
  );
});

it('what rotates it is shown, and what each version is at its provider', async () => {
  const key = { state: 'live', keyId: 'AKIA-1' };
  versions = [
    { ...version, ...times, providerKey: key },
    { ...version, ...times, version: 0 },
  ];
  const text = await show();
  expect(text).toContain(
    '\nRotated in production by aws: last run ROLLED_BACK, next run in 12 d.\n',
  );
  expect(text).toMatch(/ KEY\n.*AKIA-1 live\n.* –\n/);
});

it('its running cutover is shown', async () => {
  expect(await show()).toContain('\nCutover in production: CANARY, 10 % of the requests.\n');
});

it('why a version is kept is said', async () => {
  versions = [
    { ...version, ...times },
    { ...version, ...times, version: 2, state: 'previous', safeToRevoke: kept },
  ];
  expect(await show()).toContain('\nVersion 2 in production is kept: it was used; it is pinned.\n');
});

it('a route that was applied once is marked', async () => {
  production.consumers = [{ ...consumer, applied: false }];
  expect(await show()).toContain('production        1  api (no longer)  shop');
});

it('what nobody uses is shown without', async () => {
  used = [];
  production.consumers = [];
  expect(await show()).not.toContain('USED IN');
});

it.each([80, 120])('fits a terminal of %i columns', async (columns) => {
  const environment = { ...api.environment, NO_COLOR: '1' };
  used = usage.map((row) => ({ ...row, route: 'r'.repeat(40), client: 'c'.repeat(40) }));
  versions = [{ ...version, ...times, note: 'n'.repeat(90), fields: ['a', 'b'] }];
  const { stdout } = await runCaptured(['secrets', 'show', 'db'], {
    typed: '',
    columns,
    nowMs,
    environment,
  });
  for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(columns);
});
