import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
  await addSecret(admin, 'key');
});
afterAll(() => admin.stop());

test('there is an empty document before the first', async () => {
  const reply = await admin.call('GET', '/v1/routes');
  expect(reply.body).toMatchObject({ revision: 0, document: { routes: [] }, createdAt: null });
  expect(reply.headers.get('etag')).toBe('"0"');
});

test('a document is applied, revised only from what was read, compared and restored', async () => {
  const put = (body: unknown, ifMatch?: string) =>
    admin.call('PUT', '/v1/routes', {
      body,
      ...(ifMatch === undefined ? {} : { headers: { 'If-Match': ifMatch } }),
    });
  const first = await put({ routes: [route('a', 'key')] }, '"0"');
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ revision: 1, source: 'api', restores: null, warnings: [] });
  expect(first.headers.get('etag')).toBe('"1"');

  const stale = await put({ routes: [] }, '"0"');
  expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed']);
  const odd = await put({ routes: [] }, 'abc');
  expect([odd.status, odd.body.code]).toEqual([400, 'invalid_request']);
  expect((await put({ routes: [route('a', 'key'), route('b', 'key')] }, '"1"')).status).toBe(200);

  const compared = await admin.call('GET', '/v1/routes/compare?from=1&to=2');
  expect(compared.body).toEqual({
    from: 1,
    to: 2,
    differences: [{ path: 'routes.b', kind: 'added' }],
  });

  const restored = await admin.call('POST', '/v1/routes/revisions/1/restore');
  expect(restored.body).toMatchObject({ revision: 3, restores: 1 });
  expect(restored.body.document.routes).toHaveLength(1);
  const list = await admin.call('GET', '/v1/routes/revisions');
  expect(list.body.items.map(({ revision }: { revision: number }) => revision)).toEqual([3, 2, 1]);
  expect(list.text).not.toContain('pathPrefix');
  expect((await admin.call('GET', '/v1/routes/revisions/2')).body.document.routes).toHaveLength(2);
  const missing = await admin.call('GET', '/v1/routes/revisions/9');
  expect([missing.status, missing.body.detail]).toEqual([
    404,
    expect.stringContaining('newest is 3'),
  ]);
  expect((await admin.call('GET', '/v1/routes/compare?from=9')).status).toBe(404);
});

test('a bad document changes nothing and names its places', async () => {
  const before = (await admin.call('GET', '/v1/routes')).body;
  const bad = { routes: [{ ...route('a', 'key'), mtch: {} }, { name: 'b' }] };
  const reply = await admin.call('PUT', '/v1/routes', { body: bad });
  expect([reply.status, reply.body.code]).toEqual([422, 'routes_invalid']);
  expect(reply.body.errors).toContainEqual(
    expect.objectContaining({ path: 'routes[0].mtch', nearest: 'match' }),
  );
  expect((await admin.call('GET', '/v1/routes')).body).toEqual(before);
  const checked = await admin.call('POST', '/v1/routes/validate', { body: bad });
  expect([checked.status, checked.body.valid]).toEqual([200, false]);
  expect(checked.body.problems).toEqual(reply.body.errors);
});

test('a secret without a value is refused unless allowed', async () => {
  await addSecret(admin, 'empty', []);
  const body = { routes: [route('empty', 'empty')] };
  const refused = await admin.call('PUT', '/v1/routes', { body });
  expect(refused.body.code).toBe('routes_invalid');
  const allowed = await admin.call('PUT', '/v1/routes?allowMissing=true', { body });
  expect(allowed.status).toBe(200);
  expect(allowed.body.warnings).toHaveLength(1);
});

test('routes of a file are read here and written there', async () => {
  const filed = await startAdmin({ routesFile: '/etc/keyferry/routes.json' });
  for (const [method, path, body] of [
    ['PUT', '/v1/routes', { routes: [] }],
    ['POST', '/v1/routes/revisions/1/restore', undefined],
  ] as const) {
    const reply = await filed.call(method, path, { body });
    expect([reply.status, reply.body.code]).toEqual([409, 'routes_managed_by_file']);
    expect(reply.body.detail).toContain('/etc/keyferry/routes.json');
  }
  expect((await filed.call('GET', '/v1/routes')).status).toBe(200);
  expect((await filed.call('POST', '/v1/routes/validate', { body: { routes: [] } })).status).toBe(
    200,
  );
  expect((await filed.call('GET', '/v1/status')).body.routes.file).toBe(
    '/etc/keyferry/routes.json',
  );
  await filed.stop();
});

test('a routes document may be larger than other bodies', async () => {
  const routes = Array.from({ length: 6000 }, (_, index) => route(`route-${index}`, 'key'));
  const body = JSON.stringify({ routes });
  expect(body.length).toBeGreaterThan(1024 * 1024);
  expect((await admin.call('PUT', '/v1/routes', { body })).status).toBe(200);
  const tooLarge = await admin.call('PUT', '/v1/routes', {
    body: `${body}${' '.repeat(10 * 2 ** 20)}`,
  });
  expect(tooLarge.body.code).toBe('request_too_large');
});
