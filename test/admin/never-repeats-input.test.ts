import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

const CANARY = 'canary-93be17';
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
  await addSecret(admin, 's');
});
afterAll(() => admin.stop());

const text = fc.string({ unit: 'binary', maxLength: 8 }).map((rest) => `${CANARY}${rest}`);
const leaf = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
const key = fc.oneof(
  fc.constantFrom('value', 'valueBase64', 'expiresAt', 'note', 'vlaue', 'name', 'kind', 'labels'),
  fc.constantFrom('environment', 'routes', 'cidrs', 'role', 'force', 'reason', '__proto__'),
  text,
);
const body = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }).map((pairs) => {
      const object: object = {};
      for (const [name, value] of pairs) {
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true });
      }
      return object;
    }),
  ),
})).node;

test.each([
  ['POST', '/v1/secrets/s/environments/production/versions'],
  ['POST', '/v1/secrets'],
  ['PATCH', '/v1/secrets/s'],
  ['POST', '/v1/clients'],
  ['POST', '/v1/admins'],
  ['POST', '/v1/environments'],
  ['POST', '/v1/secrets/s/environments/production/versions/1/revoke'],
])(
  '%s %s answers any body with a clear refusal that repeats nothing of it',
  async (method, path) => {
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        const reply = await admin.call(method, path, { body: sent });
        expect([200, 201, 400, 404, 409, 422]).toContain(reply.status);
        if (reply.status >= 400) {
          expect(reply.text).not.toContain(CANARY);
          expect(reply.body.detail.length).toBeGreaterThan(10);
        }
      }),
      { numRuns: 150 },
    );
  },
);

test('a field or label named __proto__ is refused, not left out', async () => {
  const own = (text: string): unknown => JSON.parse(text);
  const versions = '/v1/secrets/s/environments/staging/versions';
  for (const [path, sent] of [
    [versions, own(`{"value":{"a":"b","__proto__":"${CANARY}"}}`)],
    ['/v1/secrets', own(`{"name":"t","labels":{"__proto__":"${CANARY}"}}`)],
  ] as const) {
    const reply = await admin.call('POST', path, { body: sent });
    expect(reply).toMatchObject({ status: 400, body: { errors: [{ path: '__proto__' }] } });
    expect(reply.text).not.toContain(CANARY);
  }
  expect((await admin.call('GET', versions)).body.items).toEqual([]);
});

test('a body of hundreds of thousands of wrong items is answered in few words', async () => {
  const body = { name: 'many', environment: 'production', cidrs: Array(200_000).fill(1) };
  const reply = await admin.call('POST', '/v1/clients', { body });
  expect(reply.status).toBe(400);
  expect(reply.body.errors.length).toBeLessThanOrEqual(1000);
});
