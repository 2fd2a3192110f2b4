import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

const BOTH = ['production', 'staging'];
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
  for (const name of ['key', 'key_v2', 'other']) await addSecret(admin, name, BOTH);
  await addSecret(admin, 'production_only');
  await admin.call('POST', '/v1/secrets', {
    body: { name: 'bound', allowedHosts: ['api.other.example'] },
  });
  await admin.call('POST', '/v1/secrets/bound/environments/staging/versions', {
    body: { value: 'bound' },
  });
});
afterAll(() => admin.stop());

const apply = async (...routes: unknown[]): Promise<void> => {
  const { status } = await admin.call('PUT', '/v1/routes', { body: { routes } });
  expect(status).toBe(200);
};
const start = (body: object, token = admin.rootToken) =>
  admin.call('POST', '/v1/routes/replace-secret', {
    body: { from: 'key', to: 'key_v2', environment: 'staging', ...body },
    token,
  });
const preview = (body: object = {}, token = admin.rootToken) =>
  admin.call('POST', '/v1/routes/replace-secret/preview', {
    body: { from: 'key', to: 'key_v2', environment: 'staging', ...body },
    token,
  });

test('the preview says what requests of the environment would find, and changes nothing', async () => {
  await apply(route('shop', 'key', BOTH), route('mail', 'other', BOTH));
  const viewer = await admin.mint({ role: 'viewer' });
  const { status, body } = await preview({}, viewer);
  expect(status).toBe(200);
  expect(body).toEqual({
    revision: expect.any(Number),
    changes: [
      {
        path: 'routes[0].environments.staging.headers.Authorization',
        before: 'Bearer <<secret:key>>',
        after: 'Bearer <<secret:key_v2>>',
      },
    ],
    problems: [],
  });
  const { items } = (await admin.call('GET', '/v1/cutovers')).body;
  expect(items).toEqual([]);
});

test.each([
  ['a version is pinned', { from: 'key' }, 'key@1', /version of "key" alone/],
  ['no route names it', { from: 'other' }, 'key', /no route names "other" in staging/],
  ['it is the same secret', { to: 'key' }, 'key', /same secret/],
  ['the new one has no value there', { to: 'production_only' }, 'key', /no value in "staging"/],
  ['the new one may not be sent there', { to: 'bound' }, 'key', /may be sent to api.other.example/],
  ['a field is missing', {}, 'key.part', /has no fields, not "part"/],
])('it does not begin where %s', async (_, body, named, message) => {
  const allowMissing = named.includes('.') ? '?allowMissing=true' : '';
  const routes = [route('shop', named, ['staging'])];
  await admin.call('PUT', `/v1/routes${allowMissing}`, { body: { routes } });
  const shown = await preview(body);
  const { message: said } = shown.body.problems[0] ?? { message: '' };
  expect(said).toMatch(message);
  const refused = await start(body);
  expect([refused.status, refused.body.code]).toEqual([422, 'routes_invalid']);
  expect(refused.body.errors[0].message).toMatch(message);
});

test('it does not begin where the new one is named already', async () => {
  await apply(route('shop', 'key', ['staging']), route('mail', 'key_v2', ['staging']));
  const refused = await start({});
  expect(refused.body).toMatchObject({
    code: 'routes_invalid',
    errors: [{ path: 'routes[1].headers.Authorization' }],
  });
});

test('names that are not there are named', async () => {
  expect((await start({ to: 'kay' })).body).toMatchObject({ code: 'not_found' });
  expect((await start({ environment: 'stagin' })).body).toMatchObject({
    code: 'environment_unknown',
  });
});

test('a limited token moves what it reaches, and nothing beside it', async () => {
  await apply(route('shop', 'key', BOTH), {
    ...route('mixed', 'key', ['staging']),
    query: { q: '<<secret:other>>' },
  });
  const production = await admin.mint({ role: 'operator', environments: ['production'] });
  expect((await start({}, production)).status).toBe(404);
  const prefix = await admin.mint({ role: 'operator', secretPrefix: 'key' });
  expect((await start({}, prefix)).body.code).toBe('forbidden');
  expect((await start({ to: 'other' }, prefix)).status).toBe(404);
  expect((await start({}, await admin.mint({ role: 'viewer' }))).status).toBe(403);

  await apply(route('shop', 'key', BOTH), route('mail', 'other', BOTH));
  const staging = await admin.mint({
    role: 'operator',
    environments: ['staging'],
    secretPrefix: 'key',
  });
  const started = await start({ steps: [5, 50], windowMinutes: 60 }, staging);
  expect(started.status).toBe(201);
  expect(started.body).toMatchObject({
    secret: 'key',
    toSecret: 'key_v2',
    toVersion: null,
    state: 'PENDING',
    settings: { steps: [5, 50, 100], windowMinutes: 60 },
  });

  // While it is under way, neither is deleted, and no document decides instead of it.
  for (const name of ['key', 'key_v2']) {
    const refused = await admin.call('DELETE', `/v1/secrets/${name}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'in_use']);
  }
  const decided = await admin.call('PUT', '/v1/routes', {
    body: { routes: [route('shop', 'key_v2', BOTH)] },
  });
  expect([decided.status, decided.body.code]).toEqual([409, 'conflict']);
  expect((await start({})).body.code).toBe('conflict');
  const ended = await admin.call('POST', `/v1/cutovers/${started.body.id}/rollback`, {
    token: staging,
  });
  expect(ended.body.state).toBe('ROLLED_BACK');
});
