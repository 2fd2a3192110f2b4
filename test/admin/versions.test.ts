import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

const CANARY = 'canary-7d1f0c55e2';
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

const at = (name: string, rest: string, environment = 'production') =>
  `/v1/secrets/${name}/environments/${environment}/${rest}`;

async function stored(name: string, version: number): Promise<string> {
  const [found] = await admin.opened.store.resolveValues([
    { secret: name, environment: 'production', version },
  ]);
  if (found?.status !== 'found') throw new Error(`no value: ${found?.status}`);
  return Buffer.from(found.value.expose()).toString('utf8');
}

test('versions go from staged to current to previous to revoked to destroyed', async () => {
  await addSecret(admin, 'api_key', []);
  const first = await admin.call('POST', at('api_key', 'versions'), {
    body: { value: `${CANARY}-1`, note: 'first' },
  });
  expect(first.status).toBe(201);
  expect(first.body).toMatchObject({ version: 1, state: 'current', note: 'first', fields: [] });
  const second = await admin.call('POST', at('api_key', 'versions'), {
    body: { value: `${CANARY}-2`, expiresAt: '2027-05-01T02:00:00+02:00' },
  });
  expect(second.body).toMatchObject({
    version: 2,
    state: 'staged',
    lastUsedAt: null,
    expiresAt: '2027-05-01T00:00:00.000Z',
  });

  const activated = await admin.call('POST', at('api_key', 'versions/2/activate'));
  expect([activated.status, activated.body.state]).toEqual([200, 'current']);
  expect((await admin.call('GET', at('api_key', 'versions/1'))).body.state).toBe('previous');
  const back = await admin.call('POST', at('api_key', 'rollback'));
  expect(back.body).toMatchObject({ version: 1, state: 'current' });

  const refused = await admin.call('POST', at('api_key', 'versions/1/revoke'));
  expect([refused.status, refused.body.code]).toEqual([409, 'in_use']);
  const revoked = await admin.call('POST', at('api_key', 'versions/2/revoke'));
  expect(revoked.body).toMatchObject({ version: 2, state: 'revoked' });
  const destroyed = await admin.call('DELETE', at('api_key', 'versions/2'));
  expect(destroyed.body).toMatchObject({ version: 2, state: 'destroyed' });
  const forced = await admin.call('POST', at('api_key', 'versions/1/revoke'), {
    body: { force: true, reason: 'seen in a log' },
  });
  expect(forced.body.state).toBe('revoked');

  const list = await admin.call('GET', at('api_key', 'versions'));
  expect(list.body.items.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
  expect(list.text).not.toContain(CANARY);
  const gone = await admin.call('POST', at('api_key', 'versions/1/activate'));
  expect([gone.status, gone.body.code]).toEqual([409, 'version_unusable']);
});

test.each([
  ['PUT', 'versions/1'],
  ['PATCH', 'versions/1'],
  ['PUT', 'versions'],
  ['PUT', 'value'],
  ['PATCH', 'value'],
])('%s on %s says how to make the next version', async (method, rest) => {
  const reply = await admin.call(method, at('api_key', rest), { body: { value: CANARY } });
  expect(reply.status).toBe(405);
  expect(reply.headers.get('keyferry-error')).toBe('value_immutable');
  expect(reply.body.detail).toContain('POST /v1/secrets/NAME/environments/ENVIRONMENT/versions');
  expect(reply.text).not.toContain(CANARY);
});

test('a value is a text, an object of texts, or bytes', async () => {
  await addSecret(admin, 'shapes', []);
  const add = (body: unknown) => admin.call('POST', at('shapes', 'versions'), { body });
  expect((await add({ value: 'grün' })).status).toBe(201);
  expect(await stored('shapes', 1)).toBe('grün');
  const several = await add({ value: { b: 'two', a: 'one' } });
  expect(several.body.fields).toEqual(['a', 'b']);
  expect(await stored('shapes', 2)).toBe('{"a":"one","b":"two"}');
  expect((await add({ valueBase64: Buffer.from('bytes').toString('base64') })).status).toBe(201);
  expect(await stored('shapes', 3)).toBe('bytes');
  expect((await add({ value: 'x'.repeat(64 * 1024) })).status).toBe(201);
});

test.each([
  ['empty', { value: '' }],
  ['absent', {}],
  ['given twice', { value: CANARY, valueBase64: 'YQ==' }],
  ['too large', { value: CANARY.repeat(8000) }],
  ['not base64', { valueBase64: `${CANARY}*` }],
  ['base64 without padding', { valueBase64: 'YQ' }],
  ['half a surrogate pair', { value: `${CANARY}\ud800` }],
  ['without fields', { value: {} }],
  ['with an empty field', { value: { a: '' } }],
])('a value that is %s is refused and never repeated', async (_, body) => {
  const reply = await admin.call('POST', at('shapes', 'versions'), { body });
  expect([reply.status, reply.body.code]).toEqual([422, 'value_invalid']);
  expect(reply.body.errors[0].path).toMatch(/^value/);
  expect(reply.text).not.toContain(CANARY);
});

test.each([
  [{ value: 5 }],
  [{ value: [CANARY] }],
  [{ value: { a: { b: CANARY } } }],
  [{ value: 'x', expiresAt: CANARY }],
  [{ value: 'x', [CANARY]: 1, note: 4 }],
  [{ vlaue: CANARY }],
])('a body of another shape is refused with its place, without its texts: %#', async (body) => {
  const reply = await admin.call('POST', at('shapes', 'versions'), { body });
  expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
  expect(reply.text).not.toContain(CANARY);
});

test('an expiry in the past and an unknown environment are refused', async () => {
  const past = await admin.call('POST', at('shapes', 'versions'), {
    body: { value: 'x', expiresAt: '2020-01-01T00:00:00Z' },
  });
  expect(past.body.errors[0].path).toBe('expiresAt');
  const unknown = await admin.call('POST', at('shapes', 'versions', 'prodution'), {
    body: { value: 'x' },
  });
  expect([unknown.status, unknown.body.code]).toEqual([422, 'environment_unknown']);
  expect(unknown.text).toContain('production');
});

test('a value that a header cannot carry is refused only where an applied route places it so', async () => {
  await addSecret(admin, 'plain', ['production', 'staging']);
  await addSecret(admin, 'encoded');
  const documentOf = {
    routes: [
      route('plain', 'plain'),
      { ...route('encoded', 'encoded'), headers: { Authorization: '<<base64:encoded>>' } },
    ],
  };
  expect((await admin.call('PUT', '/v1/routes', { body: documentOf })).status).toBe(200);
  const add = (name: string, value: unknown, environment = 'production') =>
    admin.call('POST', at(name, 'versions', environment), { body: { value } });
  for (const bad of ['\r', '\n', '\0', '\x7f']) {
    const reply = await add('plain', `${CANARY}${bad}`);
    expect([reply.status, reply.body.code]).toEqual([422, 'value_invalid']);
    expect(reply.body.detail).toContain('"plain" places it in the header "Authorization"');
    expect(reply.text).not.toContain(CANARY);
  }
  expect((await add('plain', 'a\nb', 'staging')).status).toBe(201);
  expect((await add('encoded', 'a\nb')).status).toBe(201);
  expect((await add('plain', 'tab\tand é')).status).toBe(201);
  expect((await add('plain', { a: 'x\ny' })).status).toBe(201);
});
