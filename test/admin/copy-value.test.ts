import { afterAll, beforeAll, expect, test } from 'vitest';
import { route, startAdmin, type TestAdmin } from './start-admin.js';

const CANARY = 'canary-9f61e3b0aa';
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

const versions = (name: string, environment = 'production') =>
  `/v1/secrets/${name}/environments/${environment}/versions`;

async function create(name: string, value?: unknown, attributes: object = {}): Promise<void> {
  const made = await admin.call('POST', '/v1/secrets', { body: { name, ...attributes } });
  expect(made.status).toBe(201);
  if (value === undefined) return;
  const version = await admin.call('POST', versions(name), { body: { value } });
  expect(version.status).toBe(201);
}

async function stored(name: string, environment: string): Promise<string> {
  const [found] = await admin.opened.store.resolveValues([
    { secret: name, environment, version: undefined },
  ]);
  if (found?.status !== 'found') throw new Error(`no value: ${found?.status}`);
  return Buffer.from(found.value.expose()).toString('utf8');
}

test('a value is copied inside the server, as old as it is, and the audit log says from where', async () => {
  await create('old_key');
  const expiresAt = '2027-05-01T00:00:00.000Z';
  await admin.call('POST', versions('old_key'), { body: { value: CANARY, expiresAt } });
  const [source] = (await admin.call('GET', versions('old_key'))).body.items;
  admin.opened.clock.advance(86_400_000);
  await create('new_key');
  const copied = await admin.call('POST', versions('new_key', 'staging'), {
    body: { copyFrom: { secret: 'old_key', environment: 'production' }, note: 'moved' },
  });
  expect(copied.status).toBe(201);
  expect(copied.body).toMatchObject({
    version: 1,
    state: 'current',
    expiresAt,
    note: 'moved',
    createdAt: source.createdAt,
  });
  expect(copied.body.activatedAt > source.activatedAt).toBe(true);
  expect(copied.text).not.toContain(CANARY);
  expect(await stored('new_key', 'staging')).toBe(CANARY);
  const audit = await admin.call('GET', '/v1/audit?action=version.add&secret=new_key');
  expect(audit.body.items[0].detail).toMatchObject({
    copiedFrom: { secret: 'old_key', environment: 'production', version: 1 },
  });
  expect(audit.text).not.toContain(CANARY);
  expect((await admin.opened.store.verifyAudit()).ok).toBe(true);
});

test('a value with fields keeps them, and is checked as a new one where routes place it', async () => {
  await create('pair', { id: 'AK', key: `${CANARY}\n` });
  await create('target');
  const from = { copyFrom: { secret: 'pair', environment: 'production', version: 1 } };
  const applied = await admin.call('PUT', '/v1/routes?allowMissing=true', {
    body: { routes: [route('shop', 'target.key')] },
  });
  expect(applied.status).toBe(200);
  const refused = await admin.call('POST', versions('target'), { body: from });
  expect([refused.status, refused.body.code]).toEqual([422, 'value_invalid']);
  expect(refused.text).not.toContain(CANARY);
  const staging = await admin.call('POST', versions('target', 'staging'), { body: from });
  expect(staging.body).toMatchObject({ state: 'current', fields: ['id', 'key'] });
});

test('a value does not come to hosts that it may not be sent to', async () => {
  await create('bound', CANARY, { allowedHosts: ['api.example.com', '*.sandbox.example.com'] });
  const copy = async (name: string, allowedHosts: string[]) => {
    await create(name, undefined, { allowedHosts });
    const answer = await admin.call('POST', versions(name), {
      body: { copyFrom: { secret: 'bound', environment: 'production' } },
    });
    return [answer.status, answer.body.code ?? answer.body.state];
  };
  expect(await copy('any_host', [])).toEqual([422, 'value_invalid']);
  expect(await copy('other_host', ['api.example.com', 'evil.example'])).toEqual([
    422,
    'value_invalid',
  ]);
  expect(await copy('wider', ['*.example.com'])).toEqual([422, 'value_invalid']);
  expect(await copy('narrower', ['API.example.com', 'a.sandbox.example.com'])).toEqual([
    201,
    'current',
  ]);
  expect(await copy('deeper', ['*.eu.sandbox.example.com'])).toEqual([201, 'current']);
});

test('who copies must reach both, and there must be something to copy', async () => {
  await create('wide_a', CANARY);
  await create('wide_b');
  const post = async (body: unknown, token = admin.rootToken, environment = 'staging') => {
    const answer = await admin.call('POST', versions('wide_b', environment), { body, token });
    return [answer.status, answer.body.code];
  };
  const staging = await admin.mint({ role: 'operator', environments: ['staging'] });
  const prefix = await admin.mint({ role: 'operator', secretPrefix: 'wide_b' });
  const viewer = await admin.mint({ role: 'viewer' });
  const copyFrom = { secret: 'wide_a', environment: 'production' };
  expect(await post({ copyFrom }, staging)).toEqual([404, 'not_found']);
  expect(await post({ copyFrom }, prefix)).toEqual([404, 'not_found']);
  expect(await post({ copyFrom }, viewer)).toEqual([403, 'forbidden']);
  expect(await post({ copyFrom: { ...copyFrom, environment: 'staging' } })).toEqual([
    409,
    'version_unusable',
  ]);
  expect(await post({ copyFrom: { ...copyFrom, version: 7 } })).toEqual([409, 'version_unusable']);
  expect(await post({ copyFrom: { ...copyFrom, secret: 'none' } })).toEqual([404, 'not_found']);
  expect(await post({ copyFrom, value: 'x' })).toEqual([422, 'value_invalid']);
  expect(await post({ copyFrom }, admin.rootToken, '_providers')).toEqual([422, 'value_invalid']);
});
