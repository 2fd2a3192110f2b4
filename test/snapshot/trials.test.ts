import { expect, onTestFinished, test } from 'vitest';
import {
  type Cutover,
  type CutoverSettings,
  DEFAULT_CUTOVER_SETTINGS,
  type Plan,
  type Route,
  type RouteReference,
  SecretValue,
} from '../../src/core/index.js';
import { createSnapshotKeeper } from '../../src/snapshot/index.js';
import { TEST_ACTOR as actor, openTestStore } from '../support/open-test-store.js';

const telemetry = { statsFor: () => ({ record: () => undefined }), echo: () => undefined };
const upstream = 'https://api.example.com';

const route = (name: string, secret: string, more: Partial<Route> = {}): Route => ({
  name,
  match: { pathPrefix: `/${name}` },
  headers: { 'X-Key': `<<secret:${secret}>>` },
  environments: { production: { upstream }, staging: { upstream } },
  ...more,
});

/** Two secrets with two versions each, two routes for the first, one for the second. */
async function start(routes = [route('one', 'a'), route('two', 'a'), route('three', 'b')]) {
  const opened = await openTestStore();
  onTestFinished(() => opened.cleanUp());
  const { store, tokens } = opened;
  const add = async (secret: string, text: string, environment = 'production') => {
    const value = SecretValue.fromText(text);
    await store.addVersion({ actor, secret, environment, value });
  };
  for (const secret of ['a', 'b']) {
    await store.createSecret({ actor, name: secret });
    for (const version of [1, 2]) {
      await add(secret, `${secret}-production-${version}`);
      await add(secret, `${secret}-staging-${version}`, 'staging');
    }
  }
  const apply = (next: readonly Route[], references: readonly RouteReference[] = []) =>
    store.applyRoutes({ actor, document: { routes: next }, references, source: 'api' });
  await apply(routes);
  const keeper = await createSnapshotKeeper({ store, tokens, telemetry });
  const begin = (
    settings: Partial<CutoverSettings> = {},
    to: { secret?: string; toVersion?: number | null; toSecret?: string | null } = {},
  ) =>
    store.startCutover({
      actor,
      environment: 'production',
      secret: 'a',
      toVersion: to.toSecret === undefined ? 2 : null,
      toSecret: null,
      settings: { ...DEFAULT_CUTOVER_SETTINGS, ...settings },
      ...to,
    });
  const advance = async (cutover: Cutover): Promise<Cutover> => {
    const { id, state, step } = cutover;
    const next = await store.advanceCutover({
      actor,
      id,
      ifState: state,
      ifStep: step,
      evidence: null,
    });
    await keeper.catchUp();
    return next;
  };
  const plan = (name: string, environment = 'production'): Plan => {
    const { plans } = keeper.current();
    const found = plans.map((ofRoute) => ofRoute.get(environment)).find((p) => p?.route === name);
    if (found === undefined) throw new Error(`no plan ${name}`);
    return found;
  };
  return { ...opened, keeper, add, apply, begin, advance, plan };
}

const keyOf = (plan: Plan | undefined): string | undefined => plan?.headers.at(-1);

test('before its first step a cutover gives no request another version', async () => {
  const { keeper, begin, plan } = await start();
  const { id } = await begin();
  await keeper.catchUp();
  expect(plan('one').trials).toBeUndefined();
  const parts = keeper.partsOf(id).map(({ route: name, failure }) => [name, failure]);
  expect(parts).toEqual([
    ['one', undefined],
    ['two', undefined],
  ]);
});

test('a canary gives a share of the requests the new version, and leaves other plans as they are', async () => {
  const { keeper, begin, advance, plan } = await start();
  const begun = await begin({ steps: [10, 50, 100], stickyClients: true });
  await keeper.catchUp();
  const before = { other: plan('three'), staging: plan('one', 'staging') };
  const cutover = await advance(begun);
  const { trials } = plan('one');
  expect(trials).toMatchObject([
    { cutoverId: cutover.id, step: 0, otherSide: 'new', share: 0.1, stickyClients: true },
  ]);
  expect(keyOf(plan('one'))).toBe('a-production-1');
  const other = trials?.[0]?.other;
  expect(keyOf(other)).toBe('a-production-2');
  expect(other).toMatchObject({
    useNames: ['a@2'],
    trials: undefined,
    trialOf: { cutoverId: cutover.id, step: 0, side: 'new' },
  });
  // A request may have carried both, and the upstream has seen either: each response is searched for both.
  const finds = (one: Plan | undefined, text: string) =>
    one?.scrub?.matcher.find(Buffer.from(`<${text}>`), 0, true);
  for (const [one, own, others] of [
    [plan('one'), 'a-production-1', 'a-production-2'],
    [other, 'a-production-2', 'a-production-1'],
  ] as const) {
    expect([finds(one, own), finds(one, others)]).toEqual([true, true]);
  }
  expect(plan('three')).toBe(before.other);
  expect(plan('one', 'staging')).toBe(before.staging);
  await advance(cutover);
  expect(plan('two').trials).toMatchObject([{ step: 1, share: 0.5 }]);
});

test('in the window all requests have the new version, and the old one lives beside it', async () => {
  const { store, keeper, begin, advance, plan } = await start();
  const clients = ['nobody'];
  const current = await advance(await advance(await begin({ routes: ['one'], clients })));
  expect(current.state).toBe('CURRENT');
  for (const name of ['one', 'two']) {
    expect(keyOf(plan(name))).toBe('a-production-2');
    const [trial] = plan(name).trials ?? [];
    expect(trial).toMatchObject({ step: 1, otherSide: 'old', share: 0, clients: undefined });
    expect(keyOf(trial?.other)).toBe('a-production-1');
    expect(trial?.other.trialOf?.side).toBe('old');
  }
  await store.completeCutover({ actor, id: current.id, reason: 'done' });
  await keeper.catchUp();
  expect(plan('one').trials).toBeUndefined();
  expect(keeper.partsOf(current.id)).toEqual([]);
});

test('a rolled back cutover leaves nothing of the new version', async () => {
  const { store, keeper, begin, advance, plan } = await start();
  const { id } = await advance(await begin());
  await store.rollbackCutover({ actor, id, reason: 'wrong' });
  await keeper.catchUp();
  expect(plan('one').trials).toBeUndefined();
  expect(keyOf(plan('one'))).toBe('a-production-1');
});

test('routes and clients that a cutover does not mean keep the old version', async () => {
  const { store, tokens, keeper, begin, advance, plan } = await start();
  const client = async (name: string) => {
    const { id: tokenId, hash: tokenHash } = tokens.mint('client');
    return store.createClient({ actor, name, environment: 'production', tokenId, tokenHash });
  };
  const early = await client('early');
  const { id } = await advance(await begin({ routes: ['two'], clients: ['early', 'late'] }));
  expect(plan('one').trials).toBeUndefined();
  expect(plan('two').trials?.[0]?.clients).toEqual(new Set([early.id]));
  expect(keeper.partsOf(id).map(({ route: name }) => name)).toEqual(['two']);
  // One that comes later under that name is meant too, and nobody else.
  const late = await client('late');
  await client('other');
  await keeper.catchUp();
  expect(plan('two').trials?.[0]?.clients).toEqual(new Set([early.id, late.id]));
});

test('only references without a version change', async () => {
  const headers = { 'X-One': '<<secret:a>>', 'X-Two': '<<secret:a@1>> <<secret:b>>' };
  const routes = [route('one', 'a', { headers }), route('two', 'a@1')];
  const { begin, advance, plan } = await start(routes);
  await advance(await begin());
  const other = plan('one').trials?.[0]?.other;
  expect(other?.headers.slice(2)).toEqual([
    'X-One',
    'a-production-2',
    'X-Two',
    'a-production-1 b-production-1',
  ]);
  expect(other?.useNames).toEqual(['a@2', 'a@1', 'b@1']);
  expect(plan('two').trials).toBeUndefined();
});

test('of several cutovers the newest stands first, and together they take no more than there is', async () => {
  const headers = { 'X-One': '<<secret:a>>', 'X-Two': '<<secret:b>>' };
  const { begin, advance, plan } = await start([route('one', 'a', { headers })]);
  const first = await begin({ steps: [75, 100] });
  const second = await begin({ steps: [50, 100] }, { secret: 'b' });
  await advance(first);
  await advance(second);
  const [newest, oldest] = plan('one').trials ?? [];
  expect([newest?.cutoverId, oldest?.cutoverId]).toEqual([second.id, first.id]);
  expect([newest?.share, oldest?.share]).toEqual([0.4, 0.6]);
  // Each tries its own version alone.
  expect(newest?.other.useNames).toEqual(['a@1', 'b@2']);
  expect(oldest?.other.useNames).toEqual(['a@2', 'b@1']);
});

test('a version that cannot be placed takes no request, and the cutover is told by which route', async () => {
  const { store, keeper, add, begin, advance, plan } = await start();
  await add('a', 'line\nbreak');
  const cutover = await advance(await begin({}, { toVersion: 3 }));
  expect(plan('one').failure).toBeUndefined();
  expect(plan('one').trials).toBeUndefined();
  const [part] = keeper.partsOf(cutover.id);
  expect(part).toMatchObject({ route: 'one', failure: { code: 'secret_missing' } });
  expect(part?.failure?.detail).toContain('cannot be placed in the header X-Key');
  // In the window it is the route itself that fails; the old version has a plan, but nobody can be sent it.
  await advance(cutover);
  expect(plan('one').failure).toBeDefined();
  expect(keeper.partsOf(cutover.id)[0]?.failure).toEqual(plan('one').failure);
  await store.rollbackCutover({ actor, id: cutover.id, reason: 'wrong' });
  await keeper.catchUp();
  expect(plan('one').failure).toBeUndefined();
});

test('what fails with the old version too says nothing about the new one', async () => {
  const headers = { 'X-One': '<<secret:a>>', 'X-Two': '<<secret:missing>>' };
  const { keeper, begin, advance } = await start([route('one', 'a', { headers })]);
  const { id } = await advance(await begin());
  expect(keeper.partsOf(id)).toMatchObject([{ route: 'one', failure: undefined }]);
});

test('a host that the secret may not be sent to is no trial either', async () => {
  const { store, keeper, begin, advance, plan } = await start();
  await advance(await begin());
  const changes = { allowedHosts: ['elsewhere.example.com'] };
  await store.updateSecret({ actor, name: 'a', changes });
  await keeper.catchUp();
  expect(plan('one')).toMatchObject({ failure: { code: 'upstream_address_denied' } });
  expect(plan('one').trials).toBeUndefined();
});

const references = (...secrets: readonly string[]): RouteReference[] =>
  secrets.map((secret) => ({
    route: `of-${secret}`,
    environment: 'production',
    secret,
    version: undefined,
  }));

/** All places that hold a value, for a cutover by name. */
const everywhere = (secret: string): Partial<Route> => ({
  headers: {
    Authorization: `<<basic:b,${secret}.key>>`,
    'X-Base64': `<<base64:${secret}.key>>`,
  },
  query: { key: `<<secret:${secret}.key>>` },
  path: `/v/<<secret:${secret}.key>>`,
  body: { form: { key: `<<secret:${secret}.key>>` } },
  sign: {
    hmac: {
      key: `<<secret:${secret}.key>>`,
      canonical: '<<request:method>>',
      header: 'X-Signature',
    },
  },
});

test('by name: the new secret stands wherever the old one does, then the other way round', async () => {
  const rig = await start([route('two', 'b')]);
  const { store, keeper, apply, advance, begin, plan } = rig;
  for (const [name, key] of [
    ['old', 'value-of-old'],
    ['new', 'value-of-new'],
  ] as const) {
    await store.createSecret({ actor, name });
    const value = SecretValue.fromText(JSON.stringify({ key }));
    await store.addVersion({
      actor,
      secret: name,
      environment: 'production',
      value,
      fields: ['key'],
    });
  }
  // A route that named the new secret all along, at another upstream.
  const stranger = route('stranger', 'new.key', {
    environments: { production: { upstream: 'https://elsewhere.example.com' } },
  });
  const before = route('one', 'old', everywhere('old'));
  await apply([before, stranger], references('old', 'new'));
  let cutover = await begin({ steps: [25, 100] }, { secret: 'old', toSecret: 'new' });
  cutover = await advance(cutover);
  const canary = plan('one').trials?.[0];
  expect(canary).toMatchObject({ otherSide: 'new', share: 0.25 });
  expect(plan('one').useNames).toContain('old@1');
  const pair = (value: string) =>
    `Basic ${Buffer.from(`b-production-1:${value}`).toString('base64')}`;
  const described = (one: Plan | undefined) => ({
    headers: one?.headers.slice(2),
    query: one?.query,
    path: one?.path?.text,
    form: one?.completion?.body?.form,
    key: one?.completion?.hmac && Buffer.from(one.completion.hmac.key).toString(),
    uses: one?.useNames,
  });
  const expected = (name: string) => {
    const value = `value-of-${name}`;
    return {
      headers: ['Authorization', pair(value), 'X-Base64', Buffer.from(value).toString('base64')],
      query: `key=${value}`,
      path: `/v/${value}`,
      form: `key=${value}`,
      key: value,
      uses: ['b@1', `${name}@1`],
    };
  };
  expect(described(plan('one'))).toEqual(expected('old'));
  expect(described(canary?.other)).toEqual(expected('new'));
  expect(plan('stranger').trials).toBeUndefined();

  // What is said of the new secret alone counts for the plans that name the old one.
  const allow = async (allowedHosts: readonly string[]) => {
    await store.updateSecret({ actor, name: 'new', changes: { allowedHosts } });
    await keeper.catchUp();
  };
  await allow(['elsewhere.example.com']);
  expect(plan('one')).toMatchObject({ trials: undefined, failure: undefined });
  expect(keeper.partsOf(cutover.id)).toMatchObject([
    { route: 'one', failure: { code: 'upstream_address_denied' } },
  ]);
  await allow([]);
  expect(plan('one').trials).toHaveLength(1);

  const { revision } = (await store.currentRoutes()) ?? { revision: 0 };
  const change = {
    document: { routes: [route('one', 'new', everywhere('new')), stranger] },
    references: references('new'),
    ifRevision: revision,
    source: 'api' as const,
  };
  cutover = await store.advanceCutover({
    actor,
    id: cutover.id,
    ifState: 'CANARY',
    ifStep: 0,
    evidence: null,
    routes: change,
  });
  await keeper.catchUp();
  const [window] = plan('one').trials ?? [];
  expect(window).toMatchObject({ otherSide: 'old', share: 0, step: 1 });
  expect(described(window?.other)).toEqual(expected('old'));
  // What never had the old secret does not get it because it refuses the new one.
  expect(plan('stranger').trials).toBeUndefined();
  const restarted = await createSnapshotKeeper({ store, tokens: rig.tokens, telemetry });
  const trialsAfter = restarted.current().plans.map((of) => of.get('production')?.trials?.length);
  expect(trialsAfter).toEqual([1, undefined]);

  const probed = { secret: 'old', version: 1, toSecret: null };
  expect(described(await keeper.planFor('one', 'production', probed))).toEqual(expected('old'));
  await expect(keeper.planFor('stranger', 'production', probed)).rejects.toMatchObject({
    code: 'not_found',
  });
});

test('a plan for a probe opens the version that it names for itself alone', async () => {
  const { store, keeper, begin, plan, add } = await start();
  const before = plan('one');
  expect(await keeper.planFor('one', 'production')).toBe(before);
  const probed = (version: number) =>
    keeper.planFor('one', 'production', { secret: 'a', version, toSecret: null });
  const staged = await probed(2);
  expect(keyOf(staged)).toBe('a-production-2');
  expect(staged.useNames).toEqual(['a@2']);
  expect(keeper.current().plans[0]?.get('production')).toBe(before);
  await expect(probed(7)).rejects.toMatchObject({ code: 'not_found' });
  await expect(
    keeper.planFor('one', 'production', { secret: 'b', version: 2, toSecret: null }),
  ).rejects.toMatchObject({ code: 'not_found' });
  await expect(keeper.planFor('one', 'nowhere')).rejects.toMatchObject({ code: 'route_not_found' });
  await expect(keeper.planFor('four', 'production')).rejects.toMatchObject({
    code: 'route_not_found',
  });
  const byName = { secret: 'a', version: null, toSecret: 'b' };
  expect(keyOf(await keeper.planFor('one', 'production', byName))).toBe('b-production-1');
  await begin();
  await keeper.catchUp();
  expect(keyOf(await probed(2))).toBe('a-production-2');
  await add('a', 'gone');
  const target = { actor, secret: 'a', environment: 'production', version: 3 };
  await store.destroyVersion(target);
  expect(await probed(3)).toMatchObject({ failure: { code: 'secret_revoked' }, headers: [] });
});

test('where a step comes between the reading of cutovers and of values, no plan has both sides alike', async () => {
  const { store, tokens, begin } = await start();
  const { id } = await begin();
  const step = (state: 'PENDING' | 'CANARY') =>
    store.advanceCutover({ actor, id, ifState: state, ifStep: 0, evidence: null });
  await step('PENDING');
  let between: (() => Promise<unknown>) | undefined = () => step('CANARY');
  const facts = {
    latestChange: () => store.latestChange(),
    changesSince: (seq: number) => store.changesSince(seq),
    currentRoutes: () => store.currentRoutes(),
    clientCredentials: (ids?: readonly string[]) => store.clientCredentials(ids),
    listRevisions: (page: object) => store.listRevisions(page),
    getRevision: (revision: number) => store.getRevision(revision),
    async runningCutovers() {
      const running = await store.runningCutovers();
      await between?.();
      between = undefined;
      return running;
    },
    resolveValues: (wanted: Parameters<typeof store.resolveValues>[0]) =>
      store.resolveValues(wanted),
  };
  const keeper = await createSnapshotKeeper({ store: facts, tokens, telemetry });
  const plan = () => keeper.current().plans[0]?.get('production');
  expect(keyOf(plan())).toBe('a-production-2');
  expect(plan()?.trials).toBeUndefined();
  await keeper.catchUp();
  expect(plan()?.trials).toMatchObject([{ otherSide: 'old' }]);
});
