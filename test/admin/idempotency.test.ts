import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

const post = (path: string, key: string, body?: unknown, token?: string) =>
  admin.call('POST', path, {
    body,
    headers: { 'Idempotency-Key': key },
    ...(token === undefined ? {} : { token }),
  });

test('a repetition answers as the first time, runs nothing, and leaves out the token', async () => {
  const body = { name: 'shop', environment: 'production' };
  const first = await post('/v1/clients', 'key-1', body);
  expect(first.body.token).toMatch(/^kfc_/);
  const again = await post('/v1/clients', 'key-1', body);
  const { token: _, ...withoutToken } = first.body;
  expect([again.status, again.body]).toEqual([201, withoutToken]);
  expect(again.headers.get('keyferry-idempotent-replay')).toBe('true');
  expect((await admin.call('GET', '/v1/clients')).body.items).toHaveLength(1);
});

test('a version is added once', async () => {
  await addSecret(admin, 'once', []);
  const path = '/v1/secrets/once/environments/production/versions';
  const replies = [await post(path, 'v', { value: 'a' }), await post(path, 'v', { value: 'a' })];
  expect(replies.map(({ body }) => body.version)).toEqual([1, 1]);
  expect((await admin.call('GET', path)).body.items).toHaveLength(1);
});

test('the same key with another request is a mistake', async () => {
  await post('/v1/environments', 'key-2', { name: 'one' });
  for (const [path, body] of [
    ['/v1/environments', { name: 'two' }],
    ['/v1/secrets', { name: 'one' }],
  ] as const) {
    const reply = await post(path, 'key-2', body);
    expect([reply.status, reply.body.code]).toEqual([422, 'idempotency_mismatch']);
  }
});

test('a refused command leaves its key free', async () => {
  const refused = await post('/v1/secrets', 'key-3', { name: 'not valid' });
  expect(refused.status).toBe(400);
  expect((await post('/v1/secrets', 'key-3', { name: 'valid' })).status).toBe(201);
});

test('keys of different admins are different', async () => {
  const other = await admin.mint({ role: 'operator' });
  expect((await post('/v1/secrets', 'key-4', { name: 'mine' })).status).toBe(201);
  expect((await post('/v1/secrets', 'key-4', { name: 'theirs' }, other)).status).toBe(201);
});

test('a key of another form is refused', async () => {
  for (const key of ['a'.repeat(256), 'with space']) {
    const reply = await post('/v1/secrets', key, { name: 'x' });
    expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
  }
});

test('concurrent requests with one key take effect once', async () => {
  const body = { name: 'race' };
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => post('/v1/secrets', 'key-5', body)),
  );
  for (const { status } of replies) expect([201, 409]).toContain(status);
  expect(replies.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
  const rows = await admin.call('GET', '/v1/audit?action=secret.create&secret=race');
  expect(rows.body.items).toHaveLength(1);
});

test('every POST takes a key', async () => {
  await admin.call('PUT', '/v1/routes', { body: { routes: [] } });
  const document = (await admin.call('GET', '/v1/openapi.json')).body;
  const posts = Object.keys(document.paths).filter((path) => 'post' in document.paths[path]);
  expect(posts).toContain('/v1/routes/validate');
  for (const path of posts.filter((found) => found !== '/v1/backup')) {
    const headers = document.paths[path].post.parameters?.map((one: { name: string }) => one.name);
    expect(headers, path).toContain('Idempotency-Key');
  }
  const restored = await post('/v1/routes/revisions/1/restore', 'key-6');
  expect((await post('/v1/routes/revisions/1/restore', 'key-6')).body).toEqual(restored.body);
  const body = { routes: [route('a', 'once')] };
  expect((await post('/v1/routes/validate', 'key-7', body)).body.valid).toBe(true);
  expect((await post('/v1/backup', 'key-8')).status).toBe(200);
});

test('a field called token deeper in an answer is kept', async () => {
  const placed = { ...route('t', 'once'), headers: {}, query: { token: '<<secret:once>>' } };
  const applied = await admin.call('PUT', '/v1/routes', { body: { routes: [placed] } });
  const path = `/v1/routes/revisions/${applied.body.revision}/restore`;
  const first = await post(path, 'key-9');
  expect(first.body.document.routes[0].query).toEqual({ token: '<<secret:once>>' });
  expect((await post(path, 'key-9')).body).toEqual(first.body);
});
