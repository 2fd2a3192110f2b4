import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AlertFinding } from '../../src/core/index.js';
import { runCaptured } from '../cli/capture.js';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;

beforeAll(async () => {
  admin = await startAdmin();
  await addSecret(admin, 'pay_key', ['production', 'staging']);
  await addSecret(admin, 'mail_key', ['production']);
  await admin.opened.store.raiseAlerts([
    alert('echo_hit', 'pay_key', 'production'),
    alert('secret_unused', 'pay_key', 'staging'),
    alert('secret_unused', 'mail_key', 'production'),
    alert('rows_altered', undefined, undefined),
  ]);
});
afterAll(() => admin.stop());

function alert(
  kind: AlertFinding['kind'],
  secret: string | undefined,
  environment: string | undefined,
): AlertFinding {
  const subject = `${secret} ${environment}`;
  const words = { summary: `about ${subject}`, whatToDo: 'Look.', command: 'keyferry doctor' };
  return { kind, subject, urgency: 'urgent', secret, environment, sinceMs: 1, count: 2, ...words };
}

/** `kind secret environment` of each, oldest first. */
async function seen(query: string, token = admin.rootToken): Promise<string[]> {
  const { status, body } = await admin.call('GET', `/v1/alerts${query}`, { token });
  expect(status).toBe(200);
  type Item = Record<'kind' | 'secret' | 'environment', string>;
  return body.items
    .map(({ kind, secret, environment }: Item) => `${kind} ${secret} ${environment}`)
    .reverse();
}

const ALL = [
  'echo_hit pay_key production',
  'secret_unused pay_key staging',
  'secret_unused mail_key production',
  'rows_altered null null',
];

test('alerts are listed by kind, secret and environment, and in pages', async () => {
  expect(await seen('')).toEqual(ALL);
  expect(await seen('?kind=secret_unused')).toEqual(ALL.slice(1, 3));
  expect(await seen('?secret=pay_key&environment=staging')).toEqual([ALL[1]]);
  expect(await seen('?open=false')).toEqual([]);
  const first = await admin.call('GET', '/v1/alerts?limit=3');
  const rest = await admin.call('GET', `/v1/alerts?cursor=${first.body.nextCursor}`);
  expect([first.body.items.length, rest.body.items.length]).toEqual([3, 1]);
  const wrong = await admin.call('GET', '/v1/alerts?kind=nothing');
  expect(wrong.body.code).toBe('invalid_request');
});

test('open alerts that nobody has seen are counted, of what the token may see', async () => {
  const counted = async (token = admin.rootToken) =>
    (await admin.call('GET', '/v1/alerts/counts', { token })).body;
  const urgency = 'urgent';
  expect(await counted()).toEqual({
    total: 4,
    items: [
      { kind: 'echo_hit', urgency, count: 1 },
      { kind: 'rows_altered', urgency, count: 1 },
      { kind: 'secret_unused', urgency, count: 2 },
    ],
  });
  const production = await admin.mint({ role: 'viewer', environments: ['production'] });
  expect((await counted(production)).total).toBe(2);
  const mail = await admin.mint({ role: 'viewer', secretPrefix: 'mail_' });
  expect((await counted(mail)).items).toEqual([{ kind: 'secret_unused', urgency, count: 1 }]);
  expect(await seen('?urgency=urgent')).toEqual(ALL);
  expect(await seen('?urgency=notice')).toEqual([]);
});

test('a limited token sees and acknowledges only what is about its own', async () => {
  const production = await admin.mint({ role: 'operator', environments: ['production'] });
  const payments = await admin.mint({ role: 'operator', secretPrefix: 'pay_' });
  expect(await seen('', production)).toEqual([ALL[0], ALL[2]]);
  expect(await seen('', payments)).toEqual([ALL[0], ALL[1]]);
  const { body } = await admin.call('GET', '/v1/alerts');
  for (const { id, environment, secret } of body.items) {
    const path = `/v1/alerts/${id}/acknowledge`;
    if (environment !== 'production') {
      expect((await admin.call('POST', path, { token: production })).body.code).toBe('not_found');
    }
    if (secret !== 'pay_key') {
      expect((await admin.call('POST', path, { token: payments })).body.code).toBe('not_found');
    }
  }
  const viewer = await admin.mint({ role: 'viewer' });
  const refused = await admin.call('POST', `/v1/alerts/${body.items[0].id}/acknowledge`, {
    token: viewer,
  });
  expect(refused.body.code).toBe('forbidden');
});

test('the command lists what nobody has seen, and acknowledges', async () => {
  const run = (...argv: string[]) =>
    runCaptured(argv, {
      environment: { KEYFERRY_ADMIN_URL: admin.origin, KEYFERRY_ADMIN_TOKEN: admin.rootToken },
      nowMs: admin.opened.clock.now(),
    });
  const { body } = await admin.call('GET', '/v1/alerts?kind=echo_hit');
  const [{ id }] = body.items;
  expect((await run('alerts')).stdout).toContain('about pay_key production');
  const done = await run('alerts', 'acknowledge', id, '--note', 'key replaced');
  expect(done.stdout).toContain('Acknowledged. It is closed.');
  expect((await admin.call('GET', '/v1/alerts/counts')).body.total).toBe(3);
  expect((await run('alerts', 'list', '--open')).stdout).not.toContain('echo_hit');
  const all = await run('alerts', '--all', '--kind', 'echo_hit', '--json');
  expect(JSON.parse(all.stdout).items).toMatchObject([
    { id, acknowledgedBy: 'admin-1', note: 'key replaced', closedBecause: 'it was acknowledged' },
  ]);
  const gone = await admin.call('POST', '/v1/alerts/no-such/acknowledge');
  expect(gone.status).toBe(404);
});
