import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CRITICALITIES,
  DEFAULT_ROTATION_SETTINGS,
  markAge,
  rotateAtMs,
  SECRET_KINDS,
  SECRET_SORTS,
  type SecretFilter,
  type SecretSummary,
  SecretValue,
  SORT_ORDERS,
} from '../../src/core/index.js';
import { MIGRATIONS_FOLDER } from '../../src/store/sqlite/migrate.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';

const DAY_MS = 86_400_000;
const ENVIRONMENTS = ['development', 'staging', 'production'] as const;
const SECRETS = 60;

let opened: TestStore;
let nextRuns: Map<string, number | null>;

/** Secrets of all ages, with and without values, uses, routes, ends and rotations in each environment. */
beforeAll(async () => {
  opened = await openTestStore();
  const { store, clock } = opened;
  const random = seededRandom(11);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const days = (limit: number): number | null => (below(2) === 0 ? null : 1 + below(limit));
  const references = [];
  nextRuns = new Map();
  clock.set(clock.now() - 200 * DAY_MS);
  for (let index = 0; index < SECRETS; index++) {
    const name = `s_${String(index * 37).padStart(5, '0')}`;
    const { id } = await store.createSecret({
      actor,
      name,
      description: pick([null, 'of Payments', '100 % a_b', 'żółw']),
      owner: pick([null, 'payments', 'growth']),
      kind: pick(SECRET_KINDS),
      criticality: pick(CRITICALITIES),
      rotateEveryDays: days(120),
      maximumAgeDays: days(160),
    });
    for (const environment of ENVIRONMENTS.filter(() => below(3) > 0)) {
      const place = { actor, secret: name, environment };
      const value = SecretValue.fromText('v');
      for (let version = below(2); version >= 0; version--) {
        const expiresAtMs = below(3) === 0 ? clock.now() + below(300) * DAY_MS : undefined;
        await store.addVersion({ ...place, value, expiresAtMs });
        if (below(4) === 0) clock.advance(DAY_MS);
      }
      if (below(4) === 0) {
        await store.revokeVersion({ ...place, version: 1, force: { reason: 'x' } });
      } else if (below(2) === 0) {
        const atMs = clock.now();
        const use = {
          version: 1,
          route: 'r',
          clientId: 'c',
          outcome: 'accepted',
          count: 1,
        } as const;
        const times = { firstUsedAtMs: atMs, lastUsedAtMs: atMs };
        await store.recordUsage([{ secretId: id, environment, ...use, ...times }]);
      }
      if (below(5) === 0) {
        const nextRunAtMs = below(3) === 0 ? null : clock.now() + below(300) * DAY_MS;
        const settings = { provider: 'aws', intervalDays: 9, cron: null, config: {} } as const;
        const rotation = { ...place, ...DEFAULT_ROTATION_SETTINGS, ...settings, nextRunAtMs };
        const made = await store.enableRotation(rotation);
        if (below(3) === 0) await store.disableRotation({ actor, id: made.id });
        else nextRuns.set(`${name} ${environment}`, nextRunAtMs);
      }
      if (below(2) === 0)
        references.push({ route: 'r', environment, secret: name, version: undefined });
    }
    clock.advance(below(6) * DAY_MS);
  }
  const values = SecretValue.fromText('of a provider');
  await store.createSecret({ actor, name: 'for_a_provider' });
  await store.addVersion({
    actor,
    secret: 'for_a_provider',
    environment: '_providers',
    value: values,
  });
  await store.createSecret({ actor, name: 'gone' });
  await store.addVersion({ actor, secret: 'gone', environment: 'staging', value: values });
  await store.deleteSecret({ actor, name: 'gone' });
  await store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
});
afterAll(() => opened.cleanUp());

/** What the filter means, said plainly, of a secret as the same scope sees it. */
function fits(secret: SecretSummary, filter: SecretFilter, inUse: ReadonlySet<string>): boolean {
  const nowMs = opened.clock.now();
  const { environment, search = '', old, overdue, missingValue, unusedForDays } = filter;
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const texts = [secret.name, secret.description, secret.owner].map((text) => text?.toLowerCase());
  const current = secret.environments
    .filter((held) => environment === undefined || held.environment === environment)
    .flatMap(({ currentCreatedAtMs: createdAtMs, currentExpiresAtMs: expiresAtMs }) =>
      createdAtMs === null ? [] : [{ createdAtMs, expiresAtMs }],
    );
  const marks = current.map((version) => markAge(secret, version, nowMs));
  const filled = new Set(
    secret.environments.filter((it) => it.currentVersion !== null).map((it) => it.environment),
  );
  const isOwn = secret.environments.some((held) => held.environment === '_providers');
  return (
    words.every((word) => texts.some((text) => text?.includes(word))) &&
    (environment === undefined ||
      secret.environments.some((held) => held.environment === environment)) &&
    (overdue !== true || marks.includes('overdue')) &&
    (old !== true || marks.some((mark) => mark !== 'fresh')) &&
    (filter.olderThanDays === undefined ||
      current.some((it) => it.createdAtMs <= nowMs - (filter.olderThanDays ?? 0) * DAY_MS)) &&
    (filter.expiringWithinDays === undefined ||
      current.some(
        (it) => (it.expiresAtMs ?? Infinity) <= nowMs + (filter.expiringWithinDays ?? 0) * DAY_MS,
      )) &&
    (unusedForDays === undefined ||
      (!isOwn && (secret.lastUsedAtMs ?? 0) <= nowMs - unusedForDays * DAY_MS)) &&
    (filter.withoutRoutes !== true || (!isOwn && secret.routes.length === 0)) &&
    (missingValue !== true || (!isOwn && [...inUse].some((name) => !filled.has(name))))
  );
}

/** Sorted by upwards; undefined comes last. */
function keyOf(secret: SecretSummary, { sort, order = 'asc' }: SecretFilter): number | undefined {
  const up = order === 'asc' ? 1 : -1;
  const held = secret.environments;
  if (sort === 'age') {
    const made = held.map((it) => it.currentCreatedAtMs).filter((atMs) => atMs !== null);
    return made.length === 0 ? undefined : -up * Math.min(...made);
  }
  if (sort === 'lastUsed') return up * (secret.lastUsedAtMs ?? 0);
  const next = held.flatMap(
    ({ environment, currentCreatedAtMs: createdAtMs, currentExpiresAtMs }) => {
      const rotated = nextRuns.get(`${secret.name} ${environment}`);
      if (rotated !== undefined) return rotated === null ? [] : [rotated];
      if (createdAtMs === null) return [];
      return [rotateAtMs(secret, { createdAtMs, expiresAtMs: currentExpiresAtMs })];
    },
  );
  return next.length === 0 ? undefined : up * Math.min(...next);
}

function inOrder(found: readonly SecretSummary[], filter: SecretFilter): string[] {
  const byName = (a: SecretSummary, b: SecretSummary): number => (a.name < b.name ? -1 : 1);
  const sorted = found.toSorted((a, b) => {
    if (filter.sort === 'name' || filter.sort === undefined) {
      return filter.order === 'desc' ? byName(b, a) : byName(a, b);
    }
    const [left, right] = [keyOf(a, filter) ?? Infinity, keyOf(b, filter) ?? Infinity];
    return left === right ? byName(a, b) : left - right;
  });
  return sorted.map(({ name }) => name);
}

async function inPages(filter: SecretFilter, between?: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await opened.store.listSecrets({ ...filter, cursor });
    names.push(...page.items.map(({ name }) => name));
    cursor = page.nextCursor ?? undefined;
    await between?.();
  } while (cursor !== undefined);
  return names;
}

const optional = <T>(...values: T[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 1 });
const truth = fc.option(fc.constant(true), { nil: undefined, freq: 1 });
const filters = fc.record({
  search: optional('payments', 's_0 PAY', '100 %', 'a_b', '_', '%', '\\', 'ŻÓŁW', 'none', ' '),
  environment: optional(...ENVIRONMENTS),
  unusedForDays: optional(0, 30, 100),
  olderThanDays: optional(0, 50, 150),
  expiringWithinDays: optional(0, 60),
  old: truth,
  overdue: truth,
  withoutRoutes: truth,
  missingValue: truth,
  sort: fc.option(fc.constantFrom(...SECRET_SORTS), { nil: undefined, freq: 4 }),
  order: optional(...SORT_ORDERS),
  environments: optional(['staging'], ['staging', 'production'], ['development', 'review'], []),
  limit: fc.constantFrom(1, 7, 30, 1000),
});

test('whatever filters and order are put together, pages give the secrets that fit, in order', async () => {
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const { environments, environment } = filter;
      if (environment !== undefined && environments?.includes(environment) === false) return;
      const { items } = await opened.store.listSecrets({ environments, limit: 1000 });
      const inUse = new Set(
        items.flatMap((secret) =>
          secret.environments
            .filter((held) => held.currentVersion !== null && held.environment !== '_providers')
            .map((held) => held.environment),
        ),
      );
      const expected = inOrder(
        items.filter((secret) => fits(secret, filter, inUse)),
        filter,
      );
      expect(await inPages(filter)).toEqual(expected);
    }),
    { numRuns: 300, seed: 3 },
  );
});

test('what lists go by follows every change, as a migration makes it', () => {
  const database = new Database(join(opened.dataDir, 'keyferry.db'));
  const all = (): unknown[][] =>
    ['listed_secrets', 'listed_environments'].map((table) =>
      database.prepare(`SELECT * FROM ${table}`).all(),
    );
  const kept = all();
  const file = join(MIGRATIONS_FOLDER, '0015-one-row-for-each-listed-secret.sql');
  const [fill = ''] =
    /^INSERT INTO.*?(?=\n\nCREATE TRIGGER)/ms.exec(readFileSync(file, 'utf8')) ?? [];
  database.exec(`DELETE FROM listed_secrets; DELETE FROM listed_environments; ${fill}`);
  expect(kept).toEqual(all());
  expect(kept.map((rows) => rows.length > SECRETS)).toEqual([true, true]);
  database.close();
});

test('no secret comes twice or is left out while others are added, in any order', async () => {
  const { store, clock } = opened;
  let added = 0;
  for (const sort of SECRET_SORTS) {
    for (const order of SORT_ORDERS) {
      const before = (await store.listSecrets({ limit: 1000 })).items.map(({ name }) => name);
      const names = await inPages({ sort, order, limit: 9 }, async () => {
        clock.advance(1000);
        const name = `s_${String(added++ * 411).padStart(5, '0')}x`;
        await store.createSecret({ actor, name });
        const value = SecretValue.fromText('v');
        await store.addVersion({ actor, secret: name, environment: 'staging', value });
      });
      expect(new Set(names).size).toBe(names.length);
      expect(before.filter((name) => !names.includes(name))).toEqual([]);
    }
  }
});

test('a cursor of another order is refused', async () => {
  const { nextCursor } = await opened.store.listSecrets({ sort: 'age', limit: 1 });
  for (const other of [{ sort: 'age', order: 'desc' }, { sort: 'lastUsed' }, {}] as const) {
    await expect(
      opened.store.listSecrets({ ...other, cursor: nextCursor ?? '' }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  }
});
