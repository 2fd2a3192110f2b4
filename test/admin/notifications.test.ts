import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROVIDERS_ENVIRONMENT } from '../../src/core/index.js';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

const PATH = '/v1/notifications';
const LOG = { kind: 'log' };
const asked: string[] = [];
let admin: TestAdmin;
let problem: string | undefined;

beforeAll(async () => {
  admin = await startAdmin({
    notifier: {
      sendNow: async (id) => {
        asked.push(id);
        return problem;
      },
    },
  });
  await addSecret(admin, 'hook_key', [PROVIDERS_ENVIRONMENT]);
});
afterAll(() => admin.stop());

const create = (name: string, settings: unknown, token?: string) =>
  admin.call('POST', PATH, { body: { name, settings }, ...(token && { token }) });

test('an admin creates, changes and deletes; others read, an operator tests', async () => {
  const operator = await admin.mint({ role: 'operator' });
  const viewer = await admin.mint({ role: 'viewer' });
  expect((await create('nobody', LOG, operator)).status).toBe(403);
  const created = await create('all', LOG);
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    name: 'all',
    settings: { kind: 'log', events: null, leastUrgency: 'notice', cooldownMinutes: 60 },
    lastSentAt: null,
    lastProblem: null,
    waiting: 0,
  });
  expect(await create('all', LOG)).toMatchObject({ status: 409, body: { code: 'name_taken' } });
  const one = `${PATH}/${created.body.id}`;
  const statuses = async (token: string) => [
    (await admin.call('GET', one, { token })).status,
    (await admin.call('POST', `${one}/test`, { token })).status,
    (await admin.call('PUT', one, { token, body: { settings: LOG } })).status,
    (await admin.call('DELETE', one, { token })).status,
  ];
  expect(await statuses(viewer)).toEqual([200, 403, 403, 403]);
  expect(await statuses(operator)).toEqual([200, 200, 403, 403]);
  expect(await statuses(admin.rootToken)).toEqual([200, 200, 200, 204]);
  expect(await statuses(admin.rootToken)).toEqual([404, 404, 404, 404]);
});

test('a limited token sees no channel and no message, whatever its role', async () => {
  const { body } = await create('unseen', LOG);
  const limits = [{ environments: ['production'] }, { secretPrefix: 'pay_' }];
  for (const limit of limits) {
    const token = await admin.mint({ role: 'admin', ...limit });
    for (const [method, path] of [
      ['GET', PATH],
      ['GET', `${PATH}/deliveries`],
      ['GET', `${PATH}/${body.id}`],
      ['POST', `${PATH}/${body.id}/test`],
      ['DELETE', `${PATH}/${body.id}`],
    ] as const) {
      expect((await admin.call(method, path, { token })).status, `${method} ${path}`).toBe(403);
    }
    expect((await create('mine', LOG, token)).status).toBe(403);
  }
});

test('a credential that is not there is named, with the nearest that is', async () => {
  const url = 'https://hooks.example.com/k';
  const reply = await create('hook', { kind: 'webhook', url, signingSecret: 'hook_kye' });
  expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  expect(reply.text).toContain('settings.signingSecret');
  expect(reply.text).toContain('"nearest":"hook_key"');
  const right = { kind: 'webhook', url, signingSecret: 'hook_key' };
  const { status, body } = await create('hook', right);
  expect(status).toBe(201);
  const settings = { ...right, signingSecret: 'gone' };
  expect((await admin.call('PUT', `${PATH}/${body.id}`, { body: { settings } })).status).toBe(400);
  const after = await admin.call('GET', `${PATH}/${body.id}`);
  expect(after.body.settings.signingSecret).toBe('hook_key');
  expect(after.text).not.toContain('value-of-hook_key');
});

const mail = {
  kind: 'email',
  host: 'mail.example.com',
  from: 'a@example.com',
  to: ['b@example.com'],
};
test.each([
  ['an unknown kind', { kind: 'slak' }],
  ['an unknown event', { ...LOG, events: ['rotation_faild'] }],
  ['an unknown field', { ...LOG, cooldown: 5 }],
  [
    'http: elsewhere',
    { kind: 'webhook', url: 'http://hooks.example.com/', signingSecret: 'hook_key' },
  ],
  [
    'a password in a URL',
    { kind: 'webhook', url: 'https://a:b@example.com/', signingSecret: 'hook_key' },
  ],
  ['mail in the clear', { ...mail, security: 'none' }],
  ['a user without a password', { ...mail, username: 'kim' }],
  ['a header in an address', { ...mail, from: 'Kim\r\nBcc: evil@example.com <a@example.com>' }],
  ['a header in a recipient', { ...mail, to: ['b@example.com\r\nRCPT TO:<evil@example.com>'] }],
  ['a second address in a name', { ...mail, from: 'evil@example.com, Kim <a@example.com>' }],
  ['nobody', { ...mail, to: [] }],
])('%s is refused', async (_what, settings) => {
  const reply = await create('refused', settings);
  expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  expect(reply.text).toContain('settings');
});

test('a test is kept, sent at once, and listed; a failure says why', async () => {
  const { body } = await create('told', { ...LOG, events: ['echo_hit'] });
  asked.length = 0;
  const path = `${PATH}/${body.id}/test`;
  expect((await admin.call('POST', path)).body).toEqual({ sent: true, problem: null });
  problem = 'The mail server did not answer in time.';
  expect((await admin.call('POST', path)).body).toEqual({ sent: false, problem });
  problem = undefined;
  const { items } = (await admin.call('GET', `${PATH}/deliveries?channel=${body.id}`)).body;
  expect(items.map(({ id }: { id: string }) => id)).toEqual([...asked].reverse());
  expect(items[0]).toMatchObject({ channel: 'told', event: 'test', state: 'waiting', attempts: 0 });
  expect((await admin.call('GET', `${PATH}/${body.id}`)).body.waiting).toBe(2);
  await admin.call('DELETE', `${PATH}/${body.id}`);
  const after = (await admin.call('GET', `${PATH}/deliveries?channel=${body.id}`)).body;
  expect(after.items).toEqual([]);
});
