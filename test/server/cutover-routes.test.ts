import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createRoutesControl } from '../../src/config/index.js';
import {
  type Cutover,
  type CutoverRoutes,
  DEFAULT_CUTOVER_SETTINGS,
  type Route,
  type RoutesDocument,
  SecretValue,
  SYSTEM_ACTOR,
} from '../../src/core/index.js';
import { createCutoverRoutes, endingWithRoutes } from '../../src/cutover-routes.js';
import { followRoutesFile, type RoutesFollower } from '../../src/follow-routes-file.js';
import { createLog } from '../../src/telemetry/index.js';
import { openTestStore, TEST_ACTOR, type TestStore } from '../support/open-test-store.js';

const actor = TEST_ACTOR;
const A = 'old_key';
const B = 'new_key';
const UPSTREAM = { upstream: 'https://api.example.com' };

/** Names `inStaging` in staging, and the old one in production. */
function naming(inStaging: string, more: Partial<Route> = {}): RoutesDocument {
  return {
    routes: [
      {
        name: 'shop',
        match: { pathPrefix: '/shop' },
        headers: { Authorization: `Bearer <<secret:${A}>>`, Accept: '*/*' },
        environments: {
          production: UPSTREAM,
          staging:
            inStaging === A
              ? UPSTREAM
              : { ...UPSTREAM, headers: { Authorization: `Bearer <<secret:${inStaging}>>` } },
        },
        ...more,
      },
    ],
  };
}

async function open(): Promise<TestStore> {
  const opened = await openTestStore();
  onTestFinished(() => opened.cleanUp());
  for (const secret of [A, B]) {
    await opened.store.createSecret({ actor, name: secret, allowedHosts: ['*.example.com'] });
    for (const environment of ['production', 'staging']) {
      const value = SecretValue.fromText(`${secret} of ${environment}`);
      await opened.store.addVersion({ actor, secret, environment, value });
    }
  }
  return opened;
}

const start = ({ store }: TestStore): Promise<Cutover> =>
  store.startCutover({
    actor,
    secret: A,
    environment: 'staging',
    toVersion: null,
    toSecret: B,
    settings: { ...DEFAULT_CUTOVER_SETTINGS, steps: [10, 100] },
  });

/** As the engine takes a step. */
async function advance(
  { store }: TestStore,
  { id, state, step }: Cutover,
  routes?: CutoverRoutes,
): Promise<Cutover> {
  const cutover = (await store.getCutover(id)) as Cutover;
  const found = await routes?.forward(cutover);
  if (found !== undefined && found.type !== 'apply') throw new Error(found.type);
  return store.advanceCutover({
    actor: SYSTEM_ACTOR,
    id,
    ifState: state,
    ifStep: step,
    evidence: null,
    routes: found?.change,
  });
}

async function applied({ store }: TestStore): Promise<RoutesDocument | undefined> {
  return (await store.currentRoutes())?.document;
}

const NONE = { written: undefined };

test('the routes of the store name the new secret when it is current, and the old one after a rollback', async () => {
  const opened = await open();
  const { store } = opened;
  const control = createRoutesControl({ store });
  const routes = createCutoverRoutes({ store, ...NONE });
  await control.apply({ actor, source: 'api', document: naming(A) });
  const canary = await advance(opened, await start(opened));
  expect(await applied(opened)).toEqual(naming(A));
  // Somebody else applies something in between: it is kept.
  await control.apply({ actor, source: 'api', document: naming(A, { trace: 'continue' }) });
  const current = await advance(opened, canary, routes);
  expect(current).toMatchObject({ state: 'CURRENT' });
  expect(await applied(opened)).toEqual(naming(B, { trace: 'continue' }));

  await control.apply({ actor, source: 'api', document: naming(B, { echoScrub: 'block' }) });
  const byHand = endingWithRoutes(store, routes);
  const ended = await byHand.rollbackCutover({ actor, id: current.id, reason: 'not today' });
  expect(ended).toMatchObject({ state: 'ROLLED_BACK', reason: 'not today' });
  const back = await applied(opened);
  expect(back?.routes[0]).toMatchObject({ echoScrub: 'block' });
  expect(JSON.stringify(back)).not.toContain(B);
});

test('a document that would decide instead of the cutover is refused, and any other one is not', async () => {
  const opened = await open();
  const { store } = opened;
  const control = createRoutesControl({ store });
  const routes = createCutoverRoutes({ store, ...NONE });
  const apply = (document: RoutesDocument) =>
    control.apply({ actor, source: 'api', document }).then(
      () => 'applied',
      (error: { code: string }) => error.code,
    );
  expect(await apply(naming(A))).toBe('applied');
  const canary = await advance(opened, await start(opened));
  expect(await apply(naming(B))).toBe('conflict');
  expect(await apply(naming(A, { query: { key: `<<secret:${B}>>` } }))).toBe('conflict');
  expect(await apply(naming(A, { query: { key: `<<secret:${A}>>` } }))).toBe('applied');
  const current = await advance(opened, canary, routes);
  expect(await apply(naming(A))).toBe('conflict');
  await expect(
    control.restore({ actor, revision: 1, ifRevision: undefined }),
  ).rejects.toMatchObject({ code: 'conflict' });
  await store.completeCutover({ actor, id: current.id, reason: 'done' });
  expect(await apply(naming(A))).toBe('applied');
});

test('routes that cannot say it are left as they are, with the reason', async () => {
  const opened = await open();
  const { store } = opened;
  const control = createRoutesControl({ store });
  const routes = createCutoverRoutes({ store, ...NONE });
  await control.apply({ actor, source: 'api', document: naming(A) });
  const cutover = await start(opened);
  await store.updateSecret({ actor, name: B, changes: { allowedHosts: ['other.example'] } });
  expect(await routes.forward(cutover)).toMatchObject({
    type: 'refused',
    reason: expect.stringContaining('other.example'),
  });
  await expect(
    endingWithRoutes(store, routes).completeCutover({ actor, id: cutover.id, reason: 'now' }),
  ).rejects.toMatchObject({ code: 'conflict' });
  await control.apply({ actor, source: 'api', document: { routes: [] } });
  expect(await routes.forward(cutover)).toMatchObject({ type: 'refused' });
});

interface File {
  readonly follower: RoutesFollower;
  write(document: RoutesDocument): Promise<void>;
}

async function follow({ store }: TestStore, document: RoutesDocument): Promise<File> {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routes.json');
  writeFileSync(file, JSON.stringify(document));
  const options = { file, store, routes: createRoutesControl({ store }), log: createLog('silent') };
  const onApplied = async (): Promise<void> => undefined;
  const follower = await followRoutesFile({ ...options, onApplied });
  onTestFinished(() => follower.close());
  return {
    follower,
    async write(document) {
      writeFileSync(file, JSON.stringify(document));
      await follower.reload();
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(document);
    },
  };
}

test('a cutover waits for the file, and the file does not overtake it', async () => {
  const opened = await open();
  const { store } = opened;
  const { follower, write } = await follow(opened, naming(A));
  const routes = createCutoverRoutes({ store, written: () => follower.written() });
  const canary = await advance(opened, await start(opened));
  expect(await routes.forward(canary)).toEqual({ type: 'wait' });
  await expect(
    endingWithRoutes(store, routes).completeCutover({ actor, id: canary.id, reason: 'now' }),
  ).rejects.toMatchObject({ code: 'conflict' });
  // The file names it too early: the cutover goes on deciding.
  await write(naming(B, { trace: 'continue' }));
  expect(await applied(opened)).toMatchObject({ routes: [{ trace: 'continue' }] });
  expect(JSON.stringify(await applied(opened))).not.toContain(B);
  expect(await follower.notes()).toEqual([]);
  const current = await advance(opened, canary, routes);
  expect(await applied(opened)).toEqual(naming(B, { trace: 'continue' }));
  await store.completeCutover({ actor, id: current.id, reason: 'done' });
  await write(naming(B));
  expect(await applied(opened)).toEqual(naming(B));
});

test('after a rollback the new secret is not used, whatever the file says, until it has followed', async () => {
  const opened = await open();
  const { store, clock } = opened;
  const { follower, write } = await follow(opened, naming(A));
  const routes = createCutoverRoutes({ store, written: () => follower.written() });
  const canary = await advance(opened, await start(opened));
  await write(naming(B));
  const current = await advance(opened, canary, routes);
  clock.advance(1000);
  await write(naming(B, { trace: 'continue' }));
  expect(await applied(opened)).toEqual(naming(B, { trace: 'continue' }));
  const byHand = endingWithRoutes(store, routes);
  await byHand.rollbackCutover({ actor, id: current.id, reason: 'refused' });
  const isOld = async () => !JSON.stringify(await applied(opened)).includes(B);
  expect(await isOld()).toBe(true);
  expect(await follower.notes()).toEqual([expect.stringContaining(`names "${B}" in staging`)]);

  await write(naming(B, { echoScrub: 'block' }));
  expect(await isOld()).toBe(true);
  expect(await applied(opened)).toMatchObject({ routes: [{ echoScrub: 'block' }] });
  // Also for a server that starts anew with the same file.
  const again = await follow(opened, naming(B));
  expect(await isOld()).toBe(true);
  await again.follower.close();

  clock.advance(1000);
  await write(naming(A));
  expect(await follower.notes()).toEqual([]);
  clock.advance(1000);
  await write(naming(B));
  expect(await applied(opened)).toEqual(naming(B));
});

test('a file that names the old secret again rolls the cutover back', async () => {
  const opened = await open();
  const { store } = opened;
  const { follower, write } = await follow(opened, naming(A));
  const routes = createCutoverRoutes({ store, written: () => follower.written() });
  const canary = await advance(opened, await start(opened));
  await write(naming(B));
  const { id } = await advance(opened, canary, routes);
  await write(naming(A));
  expect(await store.getCutover(id)).toMatchObject({
    state: 'ROLLED_BACK',
    reason: `The routes file names "${A}" again.`,
  });
  expect(await applied(opened)).toEqual(naming(A));
  expect(await follower.notes()).toEqual([]);
  // So it is for the file to bring it back.
  await write(naming(B));
  expect(await applied(opened)).toEqual(naming(B));
});

test('a file that names the new secret only after the rollback of a canary does not bring it into use', async () => {
  const opened = await open();
  const { store } = opened;
  const { follower, write } = await follow(opened, naming(A));
  const { id } = await advance(opened, await start(opened));
  await store.rollbackCutover({ actor: SYSTEM_ACTOR, id, reason: 'refused' });
  await write(naming(B));
  expect(JSON.stringify(await applied(opened))).not.toContain(B);
  expect(await follower.notes()).toHaveLength(1);
});

test('the old secret is named by no route then, and can be deleted 48 hours after its last use', async () => {
  const opened = await open();
  const { store, clock } = opened;
  const control = createRoutesControl({ store });
  const routes = createCutoverRoutes({ store, ...NONE });
  const staging = (name: string) => {
    const [shop] = naming(name).routes;
    return { routes: [{ ...(shop as Route), environments: { staging: UPSTREAM } }] };
  };
  await control.apply({ actor, source: 'api', document: staging(A) });
  const canary = await advance(opened, await start(opened));
  clock.advance(60_000);
  const { id } = await advance(opened, canary, routes);
  expect(await applied(opened)).toMatchObject({
    routes: [{ headers: { Authorization: `Bearer <<secret:${B}>>` } }],
  });
  const remove = () =>
    store.deleteSecret({ actor, name: A }).then(
      () => 'deleted',
      (error: { message: string }) => error.message,
    );
  await store.recordUsage([
    {
      secretId: (await store.getSecret(A))?.id ?? '',
      environment: 'staging',
      version: 1,
      route: 'shop',
      clientId: 'client',
      outcome: 'accepted',
      count: 1,
      firstUsedAtMs: clock.now(),
      lastUsedAtMs: clock.now(),
    },
  ]);
  expect(await remove()).toContain(`cutover ${id}`);
  await store.completeCutover({ actor, id, reason: 'done' });
  expect(await remove()).toContain('less than 48 hours ago');
  const { items } = await store.listSecrets({ withoutRoutes: true });
  expect(items.map(({ name }) => name)).toEqual([A]);
  const [newest] = (await store.listRevisions({})).items;
  expect(await store.unnamedSince(A)).toBe(newest?.createdAtMs);
  expect(await store.unnamedSince(A, ['production'])).toBeUndefined();
  expect(await store.unnamedSince(B)).toBeUndefined();
  clock.advance(48 * 3_600_000 - 1);
  expect(await remove()).toContain('less than 48 hours ago');
  clock.advance(1);
  expect(await remove()).toBe('deleted');
});
