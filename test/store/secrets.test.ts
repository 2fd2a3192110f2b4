import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const DAY_MS = 86_400_000;
let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.cleanUp());

describe('secrets', () => {
  test('are created with defaults, read, changed and deleted', async () => {
    const { store, clock } = opened;
    const secret = await store.createSecret({ actor, name: 'stripe_key', owner: 'payments' });
    expect(secret).toMatchObject({ name: 'stripe_key', owner: 'payments', kind: 'other' });
    clock.advance(1000);
    const changed = await store.updateSecret({
      actor,
      name: 'stripe_key',
      changes: { owner: null, kind: 'stripe', labels: { team: 'pay' } },
    });
    expect(changed).toMatchObject({ owner: null, kind: 'stripe', criticality: 'standard' });
    expect(changed.updatedAtMs).toBe(clock.now());
    expect(await store.getSecret('stripe_key')).toMatchObject({
      environments: [],
      routes: [],
      clients: [],
      lastUsedAtMs: null,
    });
    await store.deleteSecret({ actor, name: 'stripe_key' });
    expect(await store.getSecret('stripe_key')).toBeUndefined();
  });

  test('have unique, valid names', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 'a' });
    await expect(store.createSecret({ actor, name: 'a' })).rejects.toMatchObject({
      code: 'name_taken',
    });
    await expect(store.createSecret({ actor, name: '1a' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('that do not exist are named with the nearest spelling', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 'stripe_key' });
    await expect(
      store.updateSecret({ actor, name: 'stirpe_key', changes: {} }),
    ).rejects.toMatchObject({ code: 'not_found', problems: [{ nearest: 'stripe_key' }] });
  });

  test('are listed by name in pages', async () => {
    const { store } = opened;
    for (const name of ['delta', 'alpha', 'charlie', 'Bravo']) {
      await store.createSecret({ actor, name });
    }
    const first = await store.listSecrets({ limit: 3 });
    expect(first.items.map((item) => item.name)).toEqual(['Bravo', 'alpha', 'charlie']);
    const second = await store.listSecrets({ limit: 3, cursor: first.nextCursor ?? undefined });
    expect(second.items.map((item) => item.name)).toEqual(['delta']);
    expect(second.nextCursor).toBeNull();
    await expect(store.listSecrets({ cursor: 'garbage' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('are filtered by environment, use, age, routes, label and scope', async () => {
    const { store, clock } = opened;
    const names = async (filter: Parameters<typeof store.listSecrets>[0]) =>
      (await store.listSecrets(filter)).items.map((item) => item.name);
    const value = SecretValue.fromText('v');
    await store.createSecret({ actor, name: 'old', labels: { team: 'pay' } });
    await store.addVersion({ actor, secret: 'old', environment: 'production', value });
    clock.advance(40 * DAY_MS);
    await store.createSecret({ actor, name: 'fresh', labels: { team: 'web' } });
    const { version } = await store.addVersion({
      actor,
      secret: 'fresh',
      environment: 'staging',
      value,
    });
    await store.createSecret({ actor, name: 'empty' });
    const fresh = await store.getSecret('fresh');
    await store.recordUsage([
      {
        secretId: fresh?.id ?? '',
        environment: 'staging',
        version,
        route: 'r1',
        clientId: 'c1',
        outcome: 'accepted',
        count: 3,
        firstUsedAtMs: clock.now(),
        lastUsedAtMs: clock.now(),
      },
    ]);
    await store.applyRoutes({
      actor,
      document: { routes: [] },
      references: [{ route: 'r1', environment: 'staging', secret: 'fresh', version: undefined }],
      source: 'api',
    });
    expect(await names({ environment: 'production' })).toEqual(['old']);
    expect(await names({ unusedForDays: 30 })).toEqual(['empty', 'old']);
    expect(await names({ olderThanDays: 30 })).toEqual(['old']);
    expect(await names({ withoutRoutes: true })).toEqual(['empty', 'old']);
    expect(await names({ overdue: true })).toEqual([]);
    await store.updateSecret({ actor, name: 'old', changes: { criticality: 'critical' } });
    expect(await names({ overdue: true })).toEqual(['old']);
    await store.updateSecret({ actor, name: 'old', changes: { rotateEveryDays: 41 } });
    expect(await names({ overdue: true })).toEqual([]);
    await store.updateSecret({ actor, name: 'old', changes: { maximumAgeDays: 40 } });
    expect(await names({ overdue: true, environment: 'production' })).toEqual(['old']);
    expect(await names({ overdue: true, environment: 'staging' })).toEqual([]);
    const expiresAtMs = clock.now() + 10 * DAY_MS;
    await store.createSecret({ actor, name: 'short' });
    await store.addVersion({ actor, secret: 'short', environment: 'staging', value, expiresAtMs });
    expect(await names({ expiringWithinDays: 9 })).toEqual([]);
    expect(await names({ expiringWithinDays: 10 })).toEqual(['short']);
    clock.advance(11 * DAY_MS);
    expect(await names({ expiringWithinDays: 0 })).toEqual(['short']);
    clock.advance(-11 * DAY_MS);
    await store.deleteSecret({ actor, name: 'short' });
    expect(await names({ label: 'team=web' })).toEqual(['fresh']);
    expect(await names({ label: 'team' })).toEqual(['fresh', 'old']);
    expect(await names({ namePrefix: 'f' })).toEqual(['fresh']);
    expect(await names({ environments: ['staging'] })).toEqual(['empty', 'fresh']);
    expect(await store.getSecret('fresh')).toMatchObject({
      routes: ['r1'],
      clients: ['c1'],
      lastUsedAtMs: clock.now(),
      environments: [{ environment: 'staging', currentVersion: 1, lastUsedAtMs: clock.now() }],
    });
    await expect(names({ environment: 'prodution' })).rejects.toMatchObject({
      code: 'environment_unknown',
      problems: [{ nearest: 'production' }],
    });
  });

  test('are filtered by what the environments in question hold, and by nothing else', async () => {
    const { store, clock } = opened;
    const value = SecretValue.fromText('v');
    const both = await store.createSecret({ actor, name: 'both', rotateEveryDays: 30 });
    await store.addVersion({ actor, secret: 'both', environment: 'production', value });
    clock.advance(40 * DAY_MS);
    await store.addVersion({ actor, secret: 'both', environment: 'staging', value });
    await store.recordUsage([
      {
        secretId: both.id,
        environment: 'staging',
        version: 1,
        route: 'r1',
        clientId: 'c1',
        outcome: 'accepted',
        count: 1,
        firstUsedAtMs: clock.now(),
        lastUsedAtMs: clock.now(),
      },
    ]);
    await store.applyRoutes({
      actor,
      document: { routes: [] },
      references: [{ route: 'r1', environment: 'staging', secret: 'both', version: undefined }],
      source: 'api',
    });
    const found = async (environments: readonly string[] | undefined) => {
      const count = async (filter: Parameters<typeof store.listSecrets>[0]) =>
        (await store.listSecrets({ ...filter, environments })).items.length;
      return {
        olderThanDays: await count({ olderThanDays: 30 }),
        overdue: await count({ overdue: true }),
        unusedForDays: await count({ unusedForDays: 30 }),
        withoutRoutes: await count({ withoutRoutes: true }),
      };
    };
    const anywhere = { olderThanDays: 1, overdue: 1, unusedForDays: 0, withoutRoutes: 0 };
    expect(await found(undefined)).toEqual(anywhere);
    expect(await found(['production', 'staging'])).toEqual(anywhere);
    expect(await found(['production'])).toEqual({
      olderThanDays: 1,
      overdue: 1,
      unusedForDays: 1,
      withoutRoutes: 1,
    });
    expect(await found(['staging'])).toEqual({
      olderThanDays: 0,
      overdue: 0,
      unusedForDays: 0,
      withoutRoutes: 0,
    });
  });
});

describe('environments', () => {
  test('exist from the start, are declared, and deleted when empty', async () => {
    const { store } = opened;
    const names = async () => (await store.listEnvironments()).map(({ name }) => name);
    expect(await names()).toEqual(['development', 'production', 'staging']);
    await store.createEnvironment({ actor, name: 'qa' });
    await expect(store.createEnvironment({ actor, name: 'qa' })).rejects.toMatchObject({
      code: 'name_taken',
    });
    await expect(store.createEnvironment({ actor, name: '_x' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await store.createSecret({ actor, name: 's' });
    const value = SecretValue.fromText('v');
    await store.addVersion({ actor, secret: 's', environment: 'qa', value });
    await expect(store.deleteEnvironment({ actor, name: 'qa' })).rejects.toMatchObject({
      code: 'environment_not_empty',
    });
    await store.deleteSecret({ actor, name: 's' });
    await store.deleteEnvironment({ actor, name: 'qa' });
    expect(await names()).not.toContain('qa');
  });

  test('reserve one for providers, which lists leave out and clients cannot name', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 's' });
    const target = { actor, secret: 's', environment: '_providers' };
    await store.addVersion({ ...target, value: SecretValue.fromText('v') });
    const client = { actor, name: 'c', tokenId: 't', tokenHash: new Uint8Array(32) };
    await expect(
      store.createClient({ ...client, environment: '_providers' }),
    ).rejects.toMatchObject({ code: 'environment_unknown' });
  });
});
