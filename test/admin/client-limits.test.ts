import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;

beforeEach(async () => {
  admin = await startAdmin();
});

afterEach(() => admin.stop());

const create = (limits?: unknown) =>
  admin.call('POST', '/v1/clients', {
    body: { name: 'shop', environment: 'production', ...(limits === undefined ? {} : { limits }) },
  });

test('limits are given with a client, shown, changed, taken away, and audited', async () => {
  const given = { requestsPerSecond: 0.5, burst: 10, concurrentRequests: 3 };
  const created = await create(given);
  expect(created.status).toBe(201);
  expect(created.body.limits).toEqual(given);
  const path = `/v1/clients/${created.body.id}`;
  expect((await admin.call('GET', path)).body.limits).toEqual(given);
  const before = admin.published();
  const changed = await admin.call('PATCH', path, { body: { limits: { concurrentRequests: 9 } } });
  expect(changed.body).toMatchObject({ name: 'shop', limits: { concurrentRequests: 9 } });
  expect(changed.body).not.toHaveProperty('token');
  expect(admin.published()).toBeGreaterThan(before);
  expect((await admin.call('PATCH', path, { body: { limits: {} } })).body.limits).toBeNull();
  expect((await admin.call('PATCH', path, { body: { limits: null } })).body.limits).toBeNull();
  const audit = await admin.call('GET', '/v1/audit?action=client.update');
  expect(audit.body.items).toHaveLength(3);
  await admin.call('DELETE', path);
  expect((await admin.call('PATCH', path, { body: { limits: null } })).status).toBe(409);
  const unknown = await admin.call('PATCH', '/v1/clients/x', { body: { limits: null } });
  expect(unknown.status).toBe(404);
});

test.each([
  { requestsPerSecond: 0 },
  { requestsPerSecond: '5' },
  { burst: 1.5 },
  { concurrentRequests: 0 },
  { requestsPerSecnd: 5 },
  5,
])('limits of %j are refused', async (limits) => {
  expect((await create(limits)).status).toBe(400);
});

test('a viewer, and a token of another environment, change nothing', async () => {
  const { id } = (await create()).body;
  const viewer = await admin.mint({ role: 'viewer' });
  const elsewhere = await admin.mint({ role: 'operator', environments: ['staging'] });
  const body = { limits: { burst: 1 } };
  const path = `/v1/clients/${id}`;
  expect((await admin.call('PATCH', path, { body, token: viewer })).status).toBe(403);
  expect((await admin.call('PATCH', path, { body, token: elsewhere })).status).toBe(404);
  expect((await admin.call('GET', path)).body.limits).toBeNull();
});
