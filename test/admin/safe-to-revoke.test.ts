import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const VERSIONS = '/v1/secrets/stripe_key/environments/production/versions';
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

test('a version that was used 10 minutes ago is not revoked, and 48 hours later it is', async () => {
  const { store, clock } = admin.opened;
  await addSecret(admin, 'stripe_key');
  await admin.call('POST', VERSIONS, { body: { value: 'two' } });
  await admin.call('POST', `${VERSIONS}/2/activate`);
  await admin.call('PUT', '/v1/routes', {
    body: { routes: [route('stripe', 'stripe_key'), route('unused', 'stripe_key')] },
  });
  const client = await admin.call('POST', '/v1/clients', {
    body: { name: 'shop', environment: 'production' },
  });
  const secret = await admin.call('GET', '/v1/secrets/stripe_key');
  const usedAtMs = clock.now();
  await store.recordUsage([
    {
      secretId: secret.body.id,
      environment: 'production',
      version: 1,
      route: 'stripe',
      clientId: client.body.id,
      outcome: 'accepted',
      count: 1,
      firstUsedAtMs: usedAtMs,
      lastUsedAtMs: usedAtMs,
    },
  ]);
  clock.advance(10 * MINUTE_MS);
  const safety = async () => {
    const { body } = await admin.call('GET', `${VERSIONS}/1`);
    return body.safeToRevoke;
  };
  const until = new Date(usedAtMs + 48 * HOUR_MS).toISOString();
  expect(await safety()).toMatchObject({
    safe: false,
    reasons: [{ code: 'recently_used', message: expect.stringContaining('route "stripe"') }],
    safeFrom: until,
  });
  for (const [method, path] of [
    ['POST', `${VERSIONS}/1/revoke`],
    ['DELETE', `${VERSIONS}/1`],
  ] as const) {
    const refused = await admin.call(method, path);
    expect([refused.status, refused.body.code]).toEqual([409, 'in_use']);
    expect(refused.body.detail).toContain('by route "stripe" for client "shop"');
    expect(refused.body.detail).toContain(until);
    const unreasoned = await admin.call(method, `${path}?force=true`);
    expect([unreasoned.status, unreasoned.body.code]).toEqual([400, 'invalid_request']);
  }
  const shown = await admin.call('GET', '/v1/secrets/stripe_key');
  expect(shown.body.environments).toMatchObject([
    {
      environment: 'production',
      consumers: [
        { route: 'stripe', applied: true, client: 'shop', version: 1 },
        { route: 'unused', applied: true, client: null, version: null, lastUsedAt: null },
      ],
      safeToRevoke: [
        { version: 2, safe: false, reasons: [{ code: 'current' }], safeFrom: null },
        { version: 1, safe: false, reasons: [{ code: 'recently_used' }] },
      ],
    },
  ]);
  clock.advance(48 * HOUR_MS - 10 * MINUTE_MS);
  expect(await safety()).toMatchObject({ safe: true, reasons: [{ code: 'unused' }] });
  expect((await admin.call('POST', `${VERSIONS}/1/revoke`)).body).toMatchObject({
    state: 'revoked',
  });
  expect(await safety()).toBeNull();
});
