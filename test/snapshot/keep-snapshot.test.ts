import { expect, onTestFinished, test } from 'vitest';
import { type Route, SecretValue, type Snapshot } from '../../src/core/index.js';
import { createSnapshotKeeper, type SnapshotOptions } from '../../src/snapshot/index.js';
import { openTestStore, TEST_ACTOR } from '../support/open-test-store.js';

const actor = TEST_ACTOR;
const stats = { statsFor: () => ({ record: () => undefined }), echo: () => undefined };

const route = (name: string, secret: string, environments: readonly string[]): Route => ({
  name,
  match: { pathPrefix: `/${name}` },
  headers: { 'X-Key': `<<secret:${secret}>>` },
  environments: Object.fromEntries(
    environments.map((environment) => [environment, { upstream: 'https://api.example.com' }]),
  ),
});

async function start(options: Partial<SnapshotOptions> = {}) {
  const opened = await openTestStore();
  onTestFinished(() => opened.cleanUp());
  const { store, tokens } = opened;
  for (const name of ['a', 'b']) {
    await store.createSecret({ actor, name });
    for (const environment of ['production', 'staging']) {
      const value = SecretValue.fromText(`${name}-${environment}-1`);
      await store.addVersion({ actor, secret: name, environment, value });
    }
  }
  const apply = (routes: readonly Route[]) =>
    store.applyRoutes({ actor, document: { routes }, references: [], source: 'api' });
  await apply([route('one', 'a', ['production', 'staging']), route('two', 'b', ['production'])]);
  const keeper = await createSnapshotKeeper({ store, tokens, telemetry: stats, ...options });
  const addClient = async (environment: string) => {
    const { token, id, hash } = tokens.mint('client');
    const name = `client-${id}`;
    const client = await store.createClient({
      actor,
      name,
      environment,
      tokenId: id,
      tokenHash: hash,
    });
    return { id: client.id, token };
  };
  return { ...opened, keeper, apply, addClient };
}

const placed = (snapshot: Snapshot, index: number, environment: string): string | undefined =>
  snapshot.plans[index]?.get(environment)?.headers.at(-1);

test('a change renders the plans that name it, and leaves the others as they are', async () => {
  const { store, keeper } = await start();
  const before = keeper.current();
  expect(placed(before, 0, 'production')).toBe('a-production-1');
  const target = { actor, secret: 'a', environment: 'production' };
  await store.addVersion({ ...target, value: SecretValue.fromText('a-production-2') });
  await store.activateVersion({ ...target, version: 2 });
  expect(keeper.current()).toBe(before);
  await keeper.catchUp();
  const after = keeper.current();
  expect(placed(after, 0, 'production')).toBe('a-production-2');
  expect(after.plans[0]?.get('production')?.useNames).toEqual(['a@2']);
  expect(after.plans[0]?.get('staging')).toBe(before.plans[0]?.get('staging'));
  expect(after.plans[1]).toBe(before.plans[1]);
  expect(after.table).toBe(before.table);
  // A request that began before keeps what it began with.
  expect(placed(before, 0, 'production')).toBe('a-production-1');
});

test('each catchUp includes what was committed before it, however many run at once', async () => {
  const { store, keeper } = await start();
  const target = { actor, secret: 'a', environment: 'production' };
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const { version } = await store.addVersion({ ...target, value: SecretValue.fromText('x') });
      await store.activateVersion({ ...target, version });
      const committed = await store.latestChange();
      await keeper.catchUp();
      expect(keeper.current().seq).toBeGreaterThanOrEqual(committed);
    }),
  );
});

test('an unchanged route keeps its compiled form across documents; new routes are told once', async () => {
  const told: number[] = [];
  const { keeper, apply } = await start({
    onRoutes: (snapshot) => void told.push(snapshot.routesRevision ?? 0),
  });
  expect(told).toEqual([1]);
  await apply([route('two', 'b', ['production']), route('three', 'a', ['staging'])]);
  await keeper.catchUp();
  const { table, plans, routesRevision } = keeper.current();
  expect(routesRevision).toBe(2);
  expect(table.match('GET', undefined, '/one')).toBeUndefined();
  expect(
    placed(keeper.current(), table.match('GET', undefined, '/two')?.index ?? -1, 'production'),
  ).toBe('b-production-1');
  expect(
    placed(keeper.current(), table.match('GET', undefined, '/three')?.index ?? -1, 'staging'),
  ).toBe('a-staging-1');
  expect(plans).toHaveLength(2);
  await keeper.catchUp();
  expect(told).toEqual([1, 2]);
});

test('a value that appears later makes its plan work, one that goes makes it fail', async () => {
  const { store, keeper } = await start();
  await store.createSecret({ actor, name: 'late' });
  await store.applyRoutes({
    actor,
    document: { routes: [route('late', 'late', ['production'])] },
    references: [],
    source: 'api',
  });
  await keeper.catchUp();
  const plan = () => keeper.current().plans[0]?.get('production');
  expect(plan()?.failure).toMatchObject({ code: 'secret_missing' });
  expect(plan()?.headers).toEqual([]);
  const target = { actor, secret: 'late', environment: 'production' };
  await store.addVersion({ ...target, value: SecretValue.fromText('v') });
  await keeper.catchUp();
  expect(plan()?.failure).toBeUndefined();
  await store.destroyVersion({ ...target, version: 1, force: { reason: 'test' } });
  await keeper.catchUp();
  expect(plan()?.failure).toMatchObject({ code: 'secret_revoked' });
  expect(plan()?.headers).toEqual([]);
  await store.deleteSecret({ actor, name: 'late', force: { reason: 'test' } });
  await keeper.catchUp();
  expect(plan()?.failure).toMatchObject({ code: 'secret_missing' });
});

test('only the environments served have plans and clients', async () => {
  const { keeper, addClient } = await start({ environments: ['staging'] });
  const { token } = await addClient('production');
  const served = await addClient('staging');
  await keeper.catchUp();
  const { plans, clients } = keeper.current();
  expect([...(plans[0]?.keys() ?? [])]).toEqual(['staging']);
  expect(clients.verify(token, token)).toBeUndefined();
  expect(clients.verify(served.token, served.token)?.environment).toBe('staging');
});

test('a revoked client is forgotten, also when the change log no longer reaches back', async () => {
  const opened = await openTestStore();
  onTestFinished(() => opened.cleanUp());
  const { store, tokens } = opened;
  let reaches = true;
  const facts = {
    ...bound(store),
    changesSince: async (seq: number) => (reaches ? store.changesSince(seq) : undefined),
  };
  const keeper = await createSnapshotKeeper({ store: facts, tokens, telemetry: stats });
  for (reaches of [true, false]) {
    const { token, id, hash } = tokens.mint('client');
    const facts = { actor, name: id, environment: 'production', tokenId: id, tokenHash: hash };
    const client = await store.createClient(facts);
    await keeper.catchUp();
    const { clients } = keeper.current();
    expect(clients.verify(token, `Bearer ${token}`)?.name).toBe(id);
    expect(clients.remembered(`Bearer ${token}`)?.name).toBe(id);
    await store.revokeClient({ actor, id: client.id });
    await keeper.catchUp();
    expect(clients.remembered(`Bearer ${token}`)).toBeUndefined();
    expect(clients.verify(token, `Bearer ${token}`)).toBeUndefined();
  }
});

test('a store that fails leaves the last good snapshot, and the next catchUp makes up for it', async () => {
  const opened = await openTestStore();
  onTestFinished(() => opened.cleanUp());
  const { store, tokens } = opened;
  let broken = false;
  const facts = {
    ...bound(store),
    currentRoutes: async () => {
      if (broken) throw new Error('disk');
      return store.currentRoutes();
    },
  };
  const keeper = await createSnapshotKeeper({ store: facts, tokens, telemetry: stats });
  const before = keeper.current();
  await store.applyRoutes({
    actor,
    document: { routes: [route('one', 'a', ['production'])] },
    references: [],
    source: 'api',
  });
  broken = true;
  await expect(keeper.catchUp()).rejects.toThrow('disk');
  expect(keeper.current()).toBe(before);
  broken = false;
  await keeper.catchUp();
  expect(keeper.current().routesRevision).toBe(1);
});

function bound(
  store: Awaited<ReturnType<typeof openTestStore>>['store'],
): SnapshotOptions['store'] {
  return {
    latestChange: () => store.latestChange(),
    changesSince: (seq) => store.changesSince(seq),
    currentRoutes: () => store.currentRoutes(),
    resolveValues: (references) => store.resolveValues(references),
    clientCredentials: (ids) => store.clientCredentials(ids),
    runningCutovers: () => store.runningCutovers(),
    listRevisions: (page) => store.listRevisions(page),
    getRevision: (revision) => store.getRevision(revision),
  };
}

test('a value whose fields were altered fails its own route, unshown, and holds up nothing else', async () => {
  const { store, keeper, apply } = await start();
  await store.createSecret({ actor, name: 'aws' });
  const value = SecretValue.fromText('canary-4711');
  const target = { actor, secret: 'aws', environment: 'production' };
  await store.addVersion({ ...target, value, fields: ['id'] });
  await apply([route('aws', 'aws.id', ['production']), route('two', 'b', ['production'])]);
  await keeper.catchUp();
  const snapshot = keeper.current();
  const failure = snapshot.plans[0]?.get('production')?.failure;
  expect(failure?.code).toBe('secret_missing');
  expect(JSON.stringify(failure)).not.toContain('canary');
  expect(placed(snapshot, 1, 'production')).toBe('b-production-1');
});

test('a plan that cannot be made fails alone, and holds up no later change', async () => {
  const broken = { expose: () => expect.unreachable() } as unknown as SecretValue;
  const opened = await start();
  const { store, tokens, apply } = opened;
  const keeper = await createSnapshotKeeper({
    store: {
      ...bound(store),
      async resolveValues(references) {
        const answers = await store.resolveValues(references);
        return answers.map((answer, index) =>
          references[index]?.secret === 'a' && answer.status === 'found'
            ? { ...answer, value: broken }
            : answer,
        );
      },
    },
    tokens,
    telemetry: stats,
  });
  expect(keeper.current().plans[0]?.get('production')).toMatchObject({
    failure: { code: 'internal_error' },
    headers: [],
  });
  expect(placed(keeper.current(), 1, 'production')).toBe('b-production-1');
  await apply([route('one', 'a', ['production']), route('three', 'b', ['staging'])]);
  await keeper.catchUp();
  expect(placed(keeper.current(), 1, 'staging')).toBe('b-staging-1');
});
