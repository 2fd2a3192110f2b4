import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Secret, SecretValue, type UsageDelta } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const HOUR_MS = 3_600_000;
const place = { actor, secret: 'key', environment: 'production' };
let opened: TestStore;
let secret: Secret;

beforeEach(async () => {
  opened = await openTestStore();
  secret = await opened.store.createSecret({ actor, name: 'key' });
});
afterEach(() => opened.cleanUp());

const add = (text: string) =>
  opened.store.addVersion({ ...place, value: SecretValue.fromText(text) });

const states = async () => {
  const versions = await opened.store.listVersions('key', 'production');
  return versions.map(({ version, state }) => `${version} ${state}`);
};

const resolved = async (version?: number) => {
  const [answer] = await opened.store.resolveValues([
    { secret: 'key', environment: 'production', version },
  ]);
  if (answer?.status !== 'found') return answer;
  return Buffer.from(answer.value.expose()).toString();
};

const use = (version: number, atMs: number): UsageDelta => ({
  secretId: secret.id,
  environment: 'production',
  version,
  route: 'pay',
  clientId: 'shop',
  outcome: 'accepted',
  count: 1,
  firstUsedAtMs: atMs,
  lastUsedAtMs: atMs,
});

describe('versions', () => {
  test('go from staged to current to previous; rollback swaps the two', async () => {
    expect(await add('one')).toMatchObject({ version: 1, state: 'current' });
    expect(await add('two')).toMatchObject({ version: 2, state: 'staged' });
    expect(await add('three')).toMatchObject({ version: 3, state: 'staged' });
    expect(await resolved()).toBe('one');
    expect(await resolved(3)).toBe('three');
    await opened.store.activateVersion({ ...place, version: 2 });
    expect(await states()).toEqual(['3 staged', '2 current', '1 previous']);
    await opened.store.activateVersion({ ...place, version: 3 });
    expect(await states()).toEqual(['3 current', '2 previous', '1 previous']);
    expect(await opened.store.rollback(place)).toMatchObject({ version: 2, state: 'current' });
    expect(await states()).toEqual(['3 previous', '2 current', '1 previous']);
    expect(await opened.store.rollback(place)).toMatchObject({ version: 3, state: 'current' });
    expect(await opened.store.getSecret('key')).toMatchObject({
      environments: [{ currentVersion: 3, previousVersion: 2, stagedVersions: [], versions: 3 }],
    });
  });

  test('are numbered without gaps by writers that race', async () => {
    const added = await Promise.all(Array.from({ length: 20 }, (_, i) => add(`v${i}`)));
    expect(added.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(await states()).toHaveLength(20);
  });

  test('are refused where the secret or the environment is unknown', async () => {
    const value = SecretValue.fromText('x');
    await expect(
      opened.store.addVersion({ ...place, environment: 'prodction', value }),
    ).rejects.toMatchObject({
      code: 'environment_unknown',
      problems: [{ nearest: 'production' }],
    });
    await expect(opened.store.addVersion({ ...place, secret: 'kee', value })).rejects.toMatchObject(
      { code: 'not_found', problems: [{ nearest: 'key' }] },
    );
    await expect(opened.store.activateVersion({ ...place, version: 9 })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(opened.store.rollback(place)).rejects.toMatchObject({ code: 'version_unusable' });
  });

  test('resolve as missing in an environment that has none: no other is tried', async () => {
    await add('one');
    const references = [
      { secret: 'key', environment: 'staging', version: undefined },
      { secret: 'nothing', environment: 'production', version: undefined },
      { secret: 'key', environment: 'production', version: 7 },
      { secret: 'key', environment: 'production', version: undefined },
    ];
    const answers = await opened.store.resolveValues(references);
    expect(answers.map(({ status }) => status)).toEqual(['missing', 'missing', 'missing', 'found']);
    expect(await opened.store.missingValues(references)).toEqual(references.slice(0, 3));
  });

  test('that are current are revoked only by force, and then nothing is current', async () => {
    await add('one');
    await add('two');
    await opened.store.activateVersion({ ...place, version: 2 });
    await expect(opened.store.revokeVersion({ ...place, version: 2 })).rejects.toMatchObject({
      code: 'in_use',
    });
    await opened.store.revokeVersion({ ...place, version: 2, force: { reason: 'leaked' } });
    expect(await states()).toEqual(['2 revoked', '1 previous']);
    expect(await resolved()).toEqual({ status: 'revoked', version: 2 });
    await expect(opened.store.activateVersion({ ...place, version: 2 })).rejects.toMatchObject({
      code: 'version_unusable',
    });
    expect(await opened.store.rollback(place)).toMatchObject({ version: 1, state: 'current' });
    const { items } = await opened.store.listAudit({ action: 'version.revoke' });
    expect(items[0]).toMatchObject({ detail: { version: 2, reason: 'leaked', forced: true } });
  });

  test('are not pulled away within 48 hours of their last use, or while a route pins them', async () => {
    await add('one');
    await add('two');
    await opened.store.activateVersion({ ...place, version: 2 });
    await opened.store.recordUsage([use(1, opened.clock.now())]);
    const attempt = () => opened.store.revokeVersion({ ...place, version: 1 });
    await expect(attempt()).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringMatching(/route "pay" for client "shop"/),
    });
    await expect(opened.store.deleteSecret({ actor, name: 'key' })).rejects.toMatchObject({
      code: 'in_use',
    });
    opened.clock.advance(48 * HOUR_MS);
    const reference = { route: 'pay', environment: 'production', secret: 'key', version: 1 };
    const document = { routes: [] };
    await opened.store.applyRoutes({ actor, document, references: [reference], source: 'api' });
    await expect(attempt()).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringMatching(/route "pay" names it/),
    });
    await expect(opened.store.deleteSecret({ actor, name: 'key' })).rejects.toMatchObject({
      code: 'in_use',
    });
    await opened.store.applyRoutes({ actor, document, references: [], source: 'api' });
    expect(await attempt()).toMatchObject({ state: 'revoked' });
    expect(await opened.store.destroyVersion({ ...place, version: 1 })).toMatchObject({
      state: 'destroyed',
    });
    expect(await resolved(1)).toEqual({ status: 'revoked', version: 1 });
  });

  test('keep note, fields, expiry, author and the time of their last use', async () => {
    const expiresAtMs = opened.clock.now() + HOUR_MS;
    await opened.store.addVersion({
      ...place,
      value: SecretValue.fromText('{"id":"a"}'),
      fields: ['id'],
      note: 'from the vault',
      expiresAtMs,
    });
    await opened.store.recordUsage([use(1, 1000), use(1, 500)]);
    expect(await opened.store.listVersions('key', 'production')).toEqual([
      {
        secret: 'key',
        environment: 'production',
        version: 1,
        state: 'current',
        createdAtMs: opened.clock.now(),
        createdBy: 'tester',
        activatedAtMs: opened.clock.now(),
        expiresAtMs,
        note: 'from the vault',
        fields: ['id'],
        lastUsedAtMs: 1000,
      },
    ]);
    expect(await opened.store.usageOf('key', 'production')).toMatchObject([
      { route: 'pay', client: 'shop', accepted: 2, firstUsedAtMs: 500, lastUsedAtMs: 1000 },
    ]);
  });

  test('survive closing and opening the store', async () => {
    await add('one');
    opened = await opened.reopen();
    expect(opened.created).toBe(false);
    expect(await resolved()).toBe('one');
  });
});
