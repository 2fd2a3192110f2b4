import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

const nowMs = Date.parse('2026-11-21T12:00:00Z');
const lastUsedAt = new Date(nowMs - 60_000).toISOString();
const version = { environment: 'production', version: 1, state: 'current', fields: [] };
const times = { createdAt: lastUsedAt, lastUsedAt, expiresAt: null };
const secret = {
  ...{ name: 'db', kind: 'other', criticality: 'standard', labels: {}, allowedHosts: [] },
  ...{ routes: ['api'], clients: ['shop'], environments: [{ environment: 'production' }] },
  ...{ description: null, owner: null, rotateEveryDays: 90, maximumAgeDays: 90, ...times },
};
const counts = { accepted: 7, refused: 0, failed: 1 };
const usage = [
  { environment: 'production', version: 1, route: 'api', client: 'shop', ...counts, lastUsedAt },
];

let api: StandIn;
let used: unknown[] = usage;
beforeEach(async () => {
  used = usage;
  api = await startStandIn(({ url }) =>
    url.endsWith('/versions')
      ? { body: { items: [{ ...version, ...times }], nextCursor: null } }
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
      '',
    ].join('\n'),
  );
});

it('an unused one is shown without', async () => {
  used = [];
  expect(await show()).not.toContain('USED IN');
});
