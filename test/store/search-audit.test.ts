import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditFilter, AuditRow } from '../../src/core/index.js';
import { openTestStore, TEST_ACTOR, type TestStore } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';

const ACTORS = [
  TEST_ACTOR,
  { type: 'admin', id: 'a1', name: 'Ann' },
  { type: 'admin', id: 'a2', name: 'Ann' },
  { type: 'system', id: 'Ann', name: 'system' },
] as const;
const ENVIRONMENTS = ['development', 'staging', 'production'];
const SECRETS = ['s', 's1', 's2', 't1', 'S1'];

let opened: TestStore;
let all: readonly AuditRow[];
let times: number[];

/** Some hundreds of rows of several actions, by several actors, under a clock that also goes back. */
beforeAll(async () => {
  opened = await openTestStore();
  const { store, clock } = opened;
  const random = seededRandom(7);
  const value = (below: number): number => Math.floor(random() * below);
  const pick = <T>(items: readonly T[]): T => items[value(items.length)] as T;
  const start = clock.now();
  for (const name of SECRETS) await store.createSecret({ actor: pick(ACTORS), name });
  for (let i = 0; i < 250; i++) {
    clock.set(start + i * 1000 + (value(10) === 0 ? -value(100_000) : 0));
    const actor = pick(ACTORS);
    const secret = pick(SECRETS);
    if (value(3) === 0) {
      await store.updateSecret({ actor, name: secret, changes: { owner: `o${i}` } });
    } else if (value(2) === 0) {
      await store.recordAudit({ actor, action: pick(['backup.create', 'versions.x']), detail: {} });
    } else {
      const name = `e${i}`;
      await store.createEnvironment({ actor, name });
    }
  }
  all = (await store.listAudit({ order: 'oldest', limit: 1000 })).items;
  times = all.map(({ atMs }) => atMs);
  expect(all).toHaveLength(255);
});
afterAll(() => opened.cleanUp());

/** What the filter means, said plainly. */
function fits(row: AuditRow, filter: AuditFilter): boolean {
  const { action, actor, secret, environment, sinceMs, untilMs, environments } = filter;
  return (
    (action === undefined ||
      (action.endsWith('.') ? row.action.startsWith(action) : row.action === action)) &&
    (actor === undefined || row.actor.id === actor || row.actor.name === actor) &&
    (secret === undefined || row.secret === secret) &&
    (environment === undefined || row.environment === environment) &&
    (environments === undefined || environments.includes(row.environment ?? '')) &&
    (filter.secretPrefix === undefined || row.secret?.startsWith(filter.secretPrefix) === true) &&
    (sinceMs === undefined || row.atMs >= sinceMs) &&
    (untilMs === undefined || row.atMs < untilMs) &&
    (filter.throughSeq === undefined || row.seq <= filter.throughSeq)
  );
}

test('whatever filters are put together, pages give the rows that fit, in order', async () => {
  const optional = <T>(...values: T[]) =>
    fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
  const time = fc.option(
    fc.nat({ max: 254 }).map((at) => times[at] ?? 0),
    { nil: undefined },
  );
  const filters = fc.record({
    action: optional('secret.', 'secret.update', 'backup.create', 'none.', 'version.', 'e'),
    actor: optional('Ann', 'a1', 'tester', 'nobody'),
    secret: optional(...SECRETS, 'none'),
    environment: optional('e7', 'e20', ...ENVIRONMENTS),
    environments: optional(
      ['e7', 'e8', 'e9'],
      [] as string[],
      all.map((_, i) => `e${i}`),
    ),
    secretPrefix: optional('', 's', 's1', 'x'),
    sinceMs: time,
    untilMs: time,
    throughSeq: fc.option(fc.nat({ max: 260 }), { nil: undefined }),
    order: optional('newest' as const, 'oldest' as const),
    limit: fc.integer({ min: 1, max: 120 }),
  });
  let found = 0;
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const expected = all.filter((row) => fits(row, filter)).map(({ seq }) => seq);
      if (filter.order !== 'oldest') expected.reverse();
      const listed: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await opened.store.listAudit({ ...filter, cursor });
        expect(page.items.length).toBeLessThanOrEqual(filter.limit);
        listed.push(...page.items.map(({ seq }) => seq));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(listed).toEqual(expected);
      found += listed.length;
    }),
    { numRuns: 400, seed: 11 },
  );
  expect(found).toBeGreaterThan(500);
});

test('an environment that is named twice has its rows once', async () => {
  const named = all.flatMap(({ environment }) => environment ?? []).slice(0, 3);
  const { items } = await opened.store.listAudit({ environments: [...named, ...named] });
  expect(items.map(({ environment }) => environment)).toEqual(named.toReversed());
});
