import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

const DAY_MS = 86_400_000;
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

test('a secret is created, shown, changed and deleted', async () => {
  const before = admin.published();
  const made = await admin.call('POST', '/v1/secrets', {
    body: { name: 'aws_key', kind: 'aws', owner: 'ops', labels: { team: 'core' } },
  });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    name: 'aws_key',
    kind: 'aws',
    criticality: 'standard',
    rotateEveryDays: 90,
    maximumAgeDays: 90,
    environments: [],
    routes: [],
    clients: [],
    lastUsedAt: null,
    mark: null,
  });
  expect(made.body.createdAt).toBe(new Date(admin.opened.clock.now()).toISOString());
  expect(admin.published()).toBe(before + 1);

  const changed = await admin.call('PATCH', '/v1/secrets/aws_key', {
    body: { criticality: 'critical', owner: null },
  });
  expect(changed.body).toMatchObject({ criticality: 'critical', rotateEveryDays: 30, owner: null });
  expect(changed.body.labels).toEqual({ team: 'core' });

  const shown = await admin.call('GET', '/v1/secrets/aws_key');
  expect(shown.body).toMatchObject({ criticality: 'critical', usage: [] });

  expect((await admin.call('DELETE', '/v1/secrets/aws_key')).status).toBe(204);
  expect((await admin.call('GET', '/v1/secrets/aws_key')).status).toBe(404);
});

test('a change that is based on what is no longer so is refused, and what was said is told from what follows', async () => {
  await addSecret(admin, 'twice_key');
  const path = '/v1/secrets/twice_key';
  const read = await admin.call('GET', path);
  expect(read.body).toMatchObject({
    rotateEveryDays: 90,
    asSet: { rotateEveryDays: null, maximumAgeDays: null },
  });
  const tag = read.headers.get('etag') ?? '';
  const change = (owner: string) =>
    admin.call('PATCH', path, { body: { owner, maximumAgeDays: 7 }, headers: { 'If-Match': tag } });
  const first = await change('ops');
  expect([first.status, first.body.asSet.maximumAgeDays]).toEqual([200, 7]);
  const second = await change('payments');
  expect([second.status, second.body.code]).toEqual([412, 'precondition_failed']);
  expect((await admin.call('GET', path)).body.owner).toBe('ops');
  // At the same time of the clock the first change still counts as one.
  expect(first.headers.get('etag')).not.toBe(tag);
  expect((await admin.call('DELETE', path)).status).toBe(204);
});

test('a taken name and a misspelt one are explained', async () => {
  await addSecret(admin, 'github_token');
  const taken = await admin.call('POST', '/v1/secrets', { body: { name: 'github_token' } });
  expect([taken.status, taken.body.code]).toEqual([409, 'name_taken']);
  const missing = await admin.call('GET', '/v1/secrets/github_tokn');
  expect(missing.status).toBe(404);
  expect(missing.text).toContain('github_token');
});

test('a row shows ages, last use, current versions, routes and clients', async () => {
  const { store, clock } = admin.opened;
  await addSecret(admin, 'stripe_key', ['production', 'staging']);
  await admin.call('PUT', '/v1/routes', { body: { routes: [route('stripe', 'stripe_key')] } });
  const client = await admin.call('POST', '/v1/clients', {
    body: { name: 'shop', environment: 'production' },
  });
  const made = await admin.call('GET', '/v1/secrets/stripe_key');
  clock.advance(80 * DAY_MS);
  const usedAtMs = clock.now();
  await store.recordUsage([
    {
      secretId: made.body.id,
      environment: 'production',
      version: 1,
      route: 'stripe',
      clientId: client.body.id,
      outcome: 'accepted',
      count: 7,
      firstUsedAtMs: usedAtMs,
      lastUsedAtMs: usedAtMs,
    },
  ]);
  const usedAt = new Date(usedAtMs).toISOString();
  const shown = await admin.call('GET', '/v1/secrets/stripe_key');
  expect(shown.body).toMatchObject({
    routes: ['stripe'],
    clients: ['shop'],
    lastUsedAt: usedAt,
    ageDays: 80,
    mark: 'ageing',
    currentVersions: { production: 1, staging: 1 },
    usage: [{ route: 'stripe', client: 'shop', version: 1, accepted: 7, lastUsedAt: usedAt }],
  });
  const staging = shown.body.environments.find(
    (held: { environment: string }) => held.environment === 'staging',
  );
  expect(staging).toMatchObject({ currentVersion: 1, lastUsedAt: null, ageDays: 80 });
  expect(staging.consumers).toEqual([]);
  expect(
    shown.body.environments.find(
      (held: { environment: string }) => held.environment === 'production',
    ).consumers,
  ).toEqual([{ route: 'stripe', applied: true, client: 'shop', version: 1, lastUsedAt: usedAt }]);

  const names = async (query: string) =>
    (await admin.call('GET', `/v1/secrets?${query}`)).body.items.map(
      ({ name }: { name: string }) => name,
    );
  await admin.call('PATCH', '/v1/secrets/github_token', { body: { labels: { team: 'web' } } });
  expect(await names('environment=staging')).toEqual(['stripe_key']);
  expect(await names(`search=${'+t'.repeat(10)}`)).toEqual(['github_token', 'stripe_key']);
  const many = await admin.call('GET', `/v1/secrets?search=${'+t'.repeat(11)}`);
  expect(many).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  expect(await names('unusedForDays=30')).toEqual(['github_token']);
  expect(await names('olderThanDays=80')).toEqual(['github_token', 'stripe_key']);
  expect(await names('olderThanDays=81')).toEqual([]);
  expect(await names('withoutRoutes=true')).toEqual(['github_token']);
  expect(await names('overdue=true')).toEqual([]);
  expect(await names('expiringWithinDays=30')).toEqual([]);
  expect(await names('label=team')).toEqual(['github_token']);
  expect(await names('label=team%3Dweb')).toEqual(['github_token']);
  expect(await names('label=team%3Dcore')).toEqual([]);

  const refused = await admin.call('DELETE', '/v1/secrets/stripe_key');
  expect([refused.status, refused.body.code]).toEqual([409, 'in_use']);
  const unreasoned = await admin.call('DELETE', '/v1/secrets/stripe_key?force=true');
  expect([unreasoned.status, unreasoned.body.code]).toEqual([400, 'invalid_request']);
  const forced = await admin.call('DELETE', '/v1/secrets/stripe_key?force=true&reason=leaked');
  expect(forced.status).toBe(204);
  const rows = await admin.call('GET', '/v1/audit?action=secret.delete&secret=stripe_key');
  expect(rows.body.items[0].detail).toMatchObject({ reason: 'leaked' });
});

test('lists page by an opaque cursor', async () => {
  for (const name of ['page_a', 'page_b', 'page_c']) await addSecret(admin, name, []);
  const all: string[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await admin.call('GET', `/v1/secrets?limit=2${query}`);
    expect(page.body.items.length).toBeLessThanOrEqual(2);
    all.push(...page.body.items.map(({ name }: { name: string }) => name));
    cursor = page.body.nextCursor;
    pages += 1;
  } while (cursor !== null);
  expect(pages).toBe(2);
  expect(all).toEqual([...all].sort());
  expect(all).toContain('page_c');
  const broken = await admin.call('GET', '/v1/secrets?cursor=%21');
  expect([broken.status, broken.body.code]).toEqual([400, 'invalid_request']);
});

test('hosts are not taken away from under an applied route', async () => {
  await addSecret(admin, 'bound');
  await admin.call('PUT', '/v1/routes', { body: { routes: [route('bound', 'bound')] } });
  const patch = (allowedHosts: string[]) =>
    admin.call('PATCH', '/v1/secrets/bound', { body: { allowedHosts } });
  const refused = await patch(['api.other.com']);
  expect([refused.status, refused.body.code]).toEqual([409, 'in_use']);
  expect(refused.body.detail).toContain('"bound" sends it to api.example.com in production');
  expect((await admin.call('GET', '/v1/secrets/bound')).body.allowedHosts).toEqual([]);
  for (const hosts of [['api.other.com', '*.example.com'], ['API.example.com'], []]) {
    expect((await patch(hosts)).status).toBe(200);
  }
  const early = { routes: [route('bound', 'bound'), route('early', 'later')] };
  expect((await admin.call('PUT', '/v1/routes?allowMissing=true', { body: early })).status).toBe(
    200,
  );
  const made = await admin.call('POST', '/v1/secrets', {
    body: { name: 'later', allowedHosts: ['api.other.com'] },
  });
  expect(made.status).toBe(409);
});
