import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const HOUR_MS = 3_600_000;
let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
  for (const secret of ['routed', 'pinned', 'unrouted', 'moving']) {
    await opened.store.createSecret({ actor, name: secret });
    for (const environment of ['staging', 'production']) {
      for (const text of ['one', 'two', 'three']) {
        const value = SecretValue.fromText(text);
        await opened.store.addVersion({ actor, secret, environment, value });
      }
    }
  }
  const reference = { route: 'pay', environment: 'production' };
  await opened.store.applyRoutes({
    actor,
    document: { routes: [] },
    references: [
      { ...reference, secret: 'routed', version: undefined },
      { ...reference, secret: 'pinned', version: 3 },
      { ...reference, secret: 'moving', version: undefined },
    ],
    source: 'api',
  });
});
afterEach(() => opened.cleanUp());

/** By `secret environment version`. */
async function used(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const secret of ['routed', 'pinned', 'unrouted', 'moving']) {
    for (const environment of ['staging', 'production']) {
      for (const version of await opened.store.listVersions(secret, environment)) {
        if (version.lastUsedAtMs === null) continue;
        found[`${secret} ${environment} ${version.version}`] = version.lastUsedAtMs;
      }
    }
  }
  return found;
}

test('after an unclean stop every version that could have been placed counts as used', async () => {
  await opened.store.startCutover({
    actor,
    secret: 'moving',
    environment: 'production',
    toVersion: 2,
    toSecret: null,
    settings: DEFAULT_CUTOVER_SETTINGS,
  });
  const beatMs = opened.clock.now() + 20_000;
  await opened.store.beat(beatMs);
  opened = await opened.reopen();
  opened.clock.advance(HOUR_MS);
  expect(await opened.store.presumeUses()).toEqual({ untilMs: beatMs, versions: 4 });
  expect(await used()).toEqual({
    'routed production 1': beatMs,
    'pinned production 3': beatMs,
    'moving production 1': beatMs,
    'moving production 2': beatMs,
  });
  expect(await opened.store.getSecret('routed')).toMatchObject({ lastUsedAtMs: beatMs });
  expect(await opened.store.getSecret('unrouted')).toMatchObject({ lastUsedAtMs: null });
  expect((await opened.store.listAudit({ action: 'usage.presume' })).items).toMatchObject([
    { detail: { until: new Date(beatMs).toISOString(), versions: 4 } },
  ]);
  // Once.
  expect(await opened.store.presumeUses()).toBeUndefined();
  const safety = await opened.store.revokeSafetyOf('pinned', 'production');
  expect(safety.find(({ version }) => version === 3)?.reasons).toMatchObject([
    { code: 'pinned' },
    { code: 'recently_used', message: expect.stringContaining('may have been used until') },
  ]);
});

test('what was replaced shortly before the stop counts too, and what was replaced long before does not', async () => {
  const place = { actor, secret: 'routed', environment: 'production' };
  await opened.store.activateVersion({ ...place, version: 2 });
  opened.clock.advance(HOUR_MS);
  await opened.store.beat(opened.clock.now());
  await opened.store.presumeUses();
  expect(Object.keys(await used())).not.toContain('routed production 1');
  await opened.store.activateVersion({ ...place, version: 3 });
  await opened.store.beat(opened.clock.now());
  await opened.store.presumeUses();
  expect(Object.keys(await used())).toContain('routed production 2');
});

test('a clean stop presumes nothing, and no beat reaches beyond the present', async () => {
  await opened.store.beat(opened.clock.now() + 20_000);
  await opened.store.endHeartbeat();
  expect(await opened.store.presumeUses()).toBeUndefined();
  expect(await used()).toEqual({});
  await opened.store.beat(opened.clock.now() + 20_000);
  expect(await opened.store.presumeUses()).toMatchObject({ untilMs: opened.clock.now() });
});
