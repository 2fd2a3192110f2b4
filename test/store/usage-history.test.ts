import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  HISTORY_STEPS,
  SecretValue,
  type UsageDelta,
  type UsageHistoryFilter,
  type UsageOutcome,
} from '../../src/core/index.js';
import {
  TEST_ACTOR as actor,
  newDataDir,
  openTestStore,
  type TestStore,
} from '../support/open-test-store.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const FINE_MS = HISTORY_STEPS.fine.everyMs;

let opened: TestStore;
let secretId: string;

beforeEach(async () => {
  opened = await openTestStore();
  secretId = (await opened.store.createSecret({ actor, name: 'pay' })).id;
  for (const text of ['one', 'two']) {
    const value = SecretValue.fromText(text);
    await opened.store.addVersion({ actor, secret: 'pay', environment: 'production', value });
  }
});
afterEach(() => opened.cleanUp());

function used(version: number, outcome: UsageOutcome, count: number, atMs: number): UsageDelta {
  const place = { secretId, environment: 'production', version, route: 'api', clientId: 'c' };
  return { ...place, outcome, count, firstUsedAtMs: atMs, lastUsedAtMs: atMs };
}

const all = (more: Partial<UsageHistoryFilter> = {}) =>
  opened.store.usageHistory({
    sinceMs: 0,
    untilMs: opened.clock.now() + DAY_MS,
    bucketMs: FINE_MS,
    ...more,
  });

async function tidy(): Promise<void> {
  while (await opened.store.tidyUsageHistory());
}

test('what one flush brings is added up by version and by environment, in steps of five minutes', async () => {
  const { store, clock } = opened;
  const atMs = clock.now() - (clock.now() % FINE_MS);
  const delta = used(1, 'accepted', 3, atMs + 1);
  await store.recordUsage(
    [delta, { ...delta, route: 'other' }, used(1, 'refused', 1, atMs), used(2, 'failed', 2, atMs)],
    [],
    [
      { environment: 'production', outcome: 'accepted', count: 7, atMs },
      { environment: undefined, outcome: 'notSent', count: 4, atMs },
    ],
  );
  await store.recordUsage([used(1, 'accepted', 5, atMs + FINE_MS)]);
  const none = { accepted: 0, refused: 0, failed: 0, notSent: 0 };
  expect(await all()).toEqual([
    { environment: null, version: null, points: [{ ...none, atMs, notSent: 4 }] },
    { environment: 'production', version: null, points: [{ ...none, atMs, accepted: 7 }] },
  ]);
  expect(await all({ secret: 'pay' })).toEqual([
    {
      environment: 'production',
      version: 1,
      points: [
        { ...none, atMs, accepted: 6, refused: 1 },
        { ...none, atMs: atMs + FINE_MS, accepted: 5 },
      ],
    },
    { environment: 'production', version: 2, points: [{ ...none, atMs, failed: 2 }] },
  ]);
  expect(await all({ secret: 'pay', untilMs: atMs })).toEqual([]);
  expect(await all({ environments: ['staging'] })).toEqual([]);
  await expect(all({ secret: 'pya' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(all({ environment: 'prod' })).rejects.toMatchObject({ code: 'environment_unknown' });
});

test('sums stay equal while days pass, whenever counts arrive and are added up', async () => {
  const { store, clock } = opened;
  const startMs = clock.now();
  const when = fc.integer({ min: 0, max: 18 * DAY_MS });
  const step = fc.record({
    ageMs: when,
    version: fc.constantFrom(1, 2),
    outcome: fc.constantFrom('accepted', 'refused', 'failed'),
    count: fc.integer({ min: 1, max: 1000 }),
    passMs: fc.integer({ min: 0, max: 12 * HOUR_MS }),
    tidies: fc.boolean(),
  });
  const expected = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      for (const { ageMs, version, outcome, count, passMs, tidies } of steps) {
        const atMs = clock.now() - ageMs;
        const requests = [{ environment: 'production', outcome, count, atMs } as const];
        await store.recordUsage([used(version, outcome, count, atMs)], [], requests);
        const hour = `${version} ${Math.floor(atMs / HOUR_MS)} ${outcome}`;
        expected.set(hour, (expected.get(hour) ?? 0) + count);
        if (clock.now() < startMs + 9 * DAY_MS) clock.advance(passMs);
        if (tidies) await tidy();
      }
    }),
    { numRuns: 25 },
  );
  const read = async (): Promise<Map<string, number>> => {
    const found = new Map<string, number>();
    for (const { version, points } of await all({ secret: 'pay', bucketMs: HOUR_MS })) {
      for (const { atMs, ...counts } of points) {
        for (const outcome of ['accepted', 'refused', 'failed'] as const) {
          const hour = `${version} ${Math.floor(atMs / HOUR_MS)} ${outcome}`;
          if (counts[outcome] > 0) found.set(hour, counts[outcome]);
        }
      }
    }
    return found;
  };
  expect(await read()).toEqual(expected);
  clock.advance(2 * DAY_MS + HOUR_MS);
  await tidy();
  expect(await read()).toEqual(expected);
  const [version] = await all({ secret: 'pay' });
  expect(version?.points.every(({ atMs }) => atMs % HOUR_MS === 0)).toBe(true);
  const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
  const [environment] = await all({ bucketMs: DAY_MS });
  expect(sum(environment?.points.flatMap((p) => [p.accepted, p.refused, p.failed]) ?? [])).toBe(
    sum(expected.values()),
  );
});

test('what is older than a month goes, in slices, and the rest stays', async () => {
  const { store, clock } = opened;
  const nowMs = clock.now();
  // More rows than one slice takes, a minute's flush each.
  const old = Array.from({ length: 12 * 24 * 10 }, (_, index) => ({
    environment: 'production',
    outcome: 'accepted' as const,
    count: 1,
    atMs: nowMs - index * FINE_MS,
  }));
  clock.advance(-10 * DAY_MS);
  await store.recordUsage([used(1, 'accepted', 1, nowMs - DAY_MS)], [], old);
  clock.advance(10 * DAY_MS);
  expect(await store.tidyUsageHistory()).toBe(true);
  await tidy();
  const [kept] = await all({ bucketMs: HOUR_MS });
  expect(kept?.points.reduce((total, { accepted }) => total + accepted, 0)).toBe(old.length);
  clock.advance(30 * DAY_MS);
  await tidy();
  const [rest] = await all();
  expect(rest?.points.length).toBeGreaterThan(0);
  expect(rest?.points.every(({ atMs }) => atMs >= clock.now() - 31 * DAY_MS - HOUR_MS)).toBe(true);
  clock.advance(31 * DAY_MS);
  await tidy();
  expect([await all(), await all({ secret: 'pay' })]).toEqual([[], []]);
});

test('a deleted secret or environment leaves no history, and gets none any more', async () => {
  const { store, clock } = opened;
  const atMs = clock.now();
  const requests = [{ environment: 'trial', outcome: 'accepted', count: 2, atMs } as const];
  await store.createEnvironment({ actor, name: 'trial' });
  await store.recordUsage([used(1, 'accepted', 1, atMs)], [], requests);
  clock.advance(3 * DAY_MS);
  await store.deleteSecret({ actor, name: 'pay' });
  await store.deleteEnvironment({ actor, name: 'trial' });
  await store.recordUsage([used(1, 'accepted', 1, atMs)], [], requests);
  const again = await store.createSecret({ actor, name: 'pay' });
  const value = SecretValue.fromText('another');
  await store.addVersion({ actor, secret: 'pay', environment: 'production', value });
  await store.createEnvironment({ actor, name: 'trial' });
  expect(again.id).not.toBe(secretId);
  expect([await all(), await all({ secret: 'pay' })]).toEqual([[], []]);
});

test('several servers on one database add up', async () => {
  const options = { clock: opened.clock, dataDir: newDataDir(), shared: true };
  const a = await openTestStore(options);
  const b = await openTestStore(options);
  const atMs = opened.clock.now();
  const requests = [{ environment: 'production', outcome: 'refused', count: 3, atMs } as const];
  await Promise.all([a, b, a].map(({ store }) => store.recordUsage([], [], requests)));
  const span = { sinceMs: 0, untilMs: atMs + 1, bucketMs: DAY_MS };
  expect(await b.store.usageHistory(span)).toMatchObject([
    { environment: 'production', points: [{ refused: 9 }] },
  ]);
  await b.store.close();
  await a.cleanUp();
});
