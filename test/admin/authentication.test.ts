import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
beforeEach(async () => {
  admin = await startAdmin();
});
afterEach(() => admin.stop());

const withoutId = (text: string) => text.replace(/"requestId":"[^"]*"/, '');

test('every failure gets the same 401', async () => {
  const { tokens, clock, store } = admin.opened;
  const expiring = await admin.mint({ role: 'admin', expiresAtMs: clock.now() + 1000 });
  const revoked = await admin.call('POST', '/v1/admins', {
    body: { name: 'gone', role: 'viewer' },
  });
  await admin.call('DELETE', `/v1/admins/${revoked.body.id}`);
  expect((await admin.call('GET', '/v1/secrets', { token: expiring })).status).toBe(200);
  clock.advance(1000);
  const client = tokens.mint('client');
  await store.createClient({
    actor: { type: 'system', id: 's', name: 's' },
    name: 'app',
    environment: 'production',
    tokenId: client.id,
    tokenHash: client.hash,
  });
  const altered = `${admin.rootToken.slice(0, -1)}${admin.rootToken.endsWith('A') ? 'B' : 'A'}`;
  const attempts = [
    null,
    'kfa_short',
    'nonsense',
    tokens.mint('admin').token,
    altered,
    expiring,
    revoked.body.token,
    client.token,
  ];
  const replies = await Promise.all(
    attempts.map((token) => admin.call('GET', '/v1/secrets', { token })),
  );
  for (const reply of replies) {
    expect(reply.status).toBe(401);
    expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="keyferry admin"');
    expect(reply.headers.get('keyferry-error')).toBe('unauthenticated');
    expect(withoutId(reply.text)).toBe(withoutId(replies[0]?.text ?? ''));
  }
});

test('only the Authorization header counts', async () => {
  const reply = await admin.call('GET', `/v1/secrets?token=${admin.rootToken}`, {
    token: null,
    headers: { Cookie: `token=${admin.rootToken}`, 'X-Api-Key': admin.rootToken },
  });
  expect(reply.status).toBe(401);
});

test('too many failures are slowed down, and a valid token passes all the while', async () => {
  const guess = () =>
    admin.call('GET', '/v1/secrets', { token: admin.opened.tokens.mint('admin').token });
  const statuses: number[] = [];
  for (let count = 0; count < 60; count += 1) statuses.push((await guess()).status);
  expect(statuses.slice(0, 20).every((status) => status === 401)).toBe(true);
  expect(statuses.slice(20).every((status) => status === 429)).toBe(true);
  const limited = await guess();
  expect(limited.headers.get('keyferry-error')).toBe('rate_limited');
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await admin.call('GET', '/v1/secrets')).status).toBe(200);
  admin.opened.clock.advance(60_000);
  expect((await guess()).status).toBe(401);
});

const SECRET = '/v1/secrets/s';
const VERSIONS = `${SECRET}/environments/production/versions`;
const CALLS: [
  needs: 'viewer' | 'operator' | 'admin',
  method: string,
  path: string,
  body?: unknown,
][] = [
  ['viewer', 'GET', '/v1/environments'],
  ['viewer', 'GET', '/v1/secrets'],
  ['viewer', 'GET', SECRET],
  ['viewer', 'GET', VERSIONS],
  ['viewer', 'GET', `${VERSIONS}/1`],
  ['viewer', 'GET', '/v1/cutovers'],
  ['viewer', 'GET', '/v1/cutovers/x'],
  ['viewer', 'GET', '/v1/cutovers/x/events'],
  ['viewer', 'GET', '/v1/routes'],
  ['viewer', 'GET', '/v1/routes/in-use'],
  ['viewer', 'POST', '/v1/routes/validate', { routes: [] }],
  ['viewer', 'POST', '/v1/routes/replace-secret/preview', {}],
  ['viewer', 'GET', '/v1/routes/revisions'],
  ['viewer', 'GET', '/v1/routes/revisions/1'],
  ['viewer', 'GET', '/v1/routes/compare?from=0&to=1'],
  ['viewer', 'GET', '/v1/clients'],
  ['viewer', 'GET', '/v1/clients/x'],
  ['viewer', 'GET', '/v1/admins/self'],
  ['viewer', 'GET', '/v1/audit'],
  ['viewer', 'GET', '/v1/audit/verify'],
  ['viewer', 'GET', '/v1/audit/checkpoint'],
  ['viewer', 'GET', '/v1/audit/export'],
  ['viewer', 'GET', '/v1/alerts'],
  ['viewer', 'GET', '/v1/alerts/counts'],
  ['viewer', 'GET', '/v1/secret-ages'],
  ['viewer', 'GET', '/v1/usage/history'],
  ['viewer', 'GET', '/v1/status'],
  ['viewer', 'GET', '/v1/rotations'],
  ['viewer', 'GET', '/v1/rotations/providers'],
  ['viewer', 'GET', '/v1/rotations/calendar'],
  ['viewer', 'GET', '/v1/rotations/x'],
  ['viewer', 'GET', '/v1/rotations/x/history'],
  ['viewer', 'GET', '/v1/rotations/x/events'],
  ['viewer', 'GET', '/v1/notifications'],
  ['viewer', 'GET', '/v1/notifications/deliveries'],
  ['viewer', 'GET', '/v1/notifications/x'],
  ['viewer', 'POST', '/v1/sign-in-links'],
  ['viewer', 'DELETE', '/v1/sessions'],
  ['operator', 'POST', '/v1/rotations', {}],
  ['operator', 'POST', '/v1/rotations/check', {}],
  ['operator', 'PATCH', '/v1/rotations/x', {}],
  ['operator', 'DELETE', '/v1/rotations/x'],
  ['operator', 'POST', '/v1/rotations/x/check'],
  ['operator', 'POST', '/v1/rotations/x/rotate', {}],
  ['operator', 'POST', '/v1/rotations/x/pause'],
  ['operator', 'POST', '/v1/rotations/x/resume'],
  ['operator', 'POST', '/v1/rotations/x/rollback'],
  ['operator', 'POST', '/v1/rotations/x/value', { value: 'x' }],
  ['operator', 'POST', '/v1/notifications/x/test'],
  ['admin', 'POST', '/v1/notifications', {}],
  ['admin', 'PUT', '/v1/notifications/x', {}],
  ['admin', 'DELETE', '/v1/notifications/x'],
  ['admin', 'GET', '/v1/sessions'],
  ['operator', 'POST', '/v1/secrets', { name: 's' }],
  ['operator', 'PATCH', SECRET, {}],
  ['operator', 'DELETE', '/v1/secrets/none'],
  ['operator', 'POST', VERSIONS, { value: 'x' }],
  ['operator', 'POST', `${VERSIONS}/1/activate`],
  ['operator', 'POST', `${VERSIONS}/1/revoke`],
  ['operator', 'POST', `${VERSIONS}/1/test`, {}],
  ['operator', 'DELETE', `${VERSIONS}/1`],
  ['operator', 'POST', `${SECRET}/environments/production/rollback`],
  ['operator', 'POST', `${SECRET}/environments/production/cutovers`, { toVersion: 2 }],
  ['operator', 'POST', '/v1/cutovers/x/complete'],
  ['operator', 'POST', '/v1/cutovers/x/rollback'],
  ['operator', 'POST', '/v1/cutovers/x/pause'],
  ['operator', 'POST', '/v1/cutovers/x/resume'],
  ['operator', 'PUT', '/v1/routes', { routes: [] }],
  ['operator', 'POST', '/v1/routes/x/environments/production/try', {}],
  ['operator', 'GET', '/v1/system'],
  ['operator', 'POST', '/v1/routes/replace-secret', {}],
  ['operator', 'POST', '/v1/alerts/x/acknowledge'],
  ['operator', 'POST', '/v1/routes/revisions/1/restore'],
  ['operator', 'POST', '/v1/clients', { name: 'c', environment: 'production' }],
  ['operator', 'PATCH', '/v1/clients/x', { limits: null }],
  ['operator', 'DELETE', '/v1/clients/x'],
  ['admin', 'POST', '/v1/environments', { name: 'extra' }],
  ['admin', 'DELETE', '/v1/environments/extra'],
  ['admin', 'POST', '/v1/admins', { name: 'a', role: 'viewer' }],
  ['admin', 'GET', '/v1/admins'],
  ['admin', 'DELETE', '/v1/admins/x'],
  ['admin', 'POST', '/v1/backup'],
];
const RANK = ['viewer', 'operator', 'admin'] as const;

test.each(RANK)('the role %s may make its calls and no others', async (role) => {
  const token = await admin.mint({ role });
  for (const [needs, method, path, body] of CALLS) {
    const reply = await admin.call(method, path, { token, body });
    const allowed = RANK.indexOf(role) >= RANK.indexOf(needs);
    const code = reply.headers.get('keyferry-error');
    if (allowed) {
      expect([method, path, code]).not.toEqual([method, path, 'forbidden']);
      expect(reply.status, `${method} ${path}`).not.toBe(401);
    } else {
      expect([method, path, reply.status, code]).toEqual([method, path, 403, 'forbidden']);
    }
  }
});

/** What a calendar program fetches: it has a token of its own in its address, and no role. */
const WITHOUT_ROLE = ['GET /v1/rotations/calendar.ics'];

test('the table of roles has every call of the document', async () => {
  const document = (await admin.call('GET', '/v1/openapi.json')).body;
  const documented = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const matched = documented.filter((entry) =>
    CALLS.some(([, method, path]) => {
      const [documentedMethod, template = ''] = entry.split(' ');
      const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return documentedMethod === method && pattern.test(path.split('?')[0] ?? '');
    }),
  );
  expect(documented.filter((entry) => !matched.includes(entry))).toEqual(WITHOUT_ROLE);
});

test('other roles see their own audit rows, the role admin all', async () => {
  const operator = await admin.mint({ role: 'operator' });
  await admin.call('POST', '/v1/secrets', { body: { name: 'by_root' } });
  await admin.call('POST', '/v1/secrets', { token: operator, body: { name: 'by_operator' } });
  const secretsOf = async (token: string) =>
    (await admin.call('GET', '/v1/audit?action=secret.', { token })).body.items.map(
      ({ secret }: { secret: string }) => secret,
    );
  expect(await secretsOf(admin.rootToken)).toEqual(['by_operator', 'by_root']);
  expect(await secretsOf(operator)).toEqual(['by_operator']);
  const other = await admin.call('GET', '/v1/audit?actor=tester', { token: operator });
  expect(other.status).toBe(403);
});

test('an admin token is shown once, and the last full admin stays', async () => {
  const self = await admin.call('GET', '/v1/admins/self');
  const last = await admin.call('DELETE', `/v1/admins/${self.body.id}`);
  expect([last.status, last.body.code]).toEqual([409, 'in_use']);
  const second = await admin.call('POST', '/v1/admins', {
    body: { name: 'second', role: 'admin' },
  });
  expect(second.body.token).toMatch(/^kfa_[A-Za-z0-9_-]+$/);
  const list = await admin.call('GET', '/v1/admins', { token: second.body.token });
  expect(list.text).not.toContain('kfa_');
  expect((await admin.call('DELETE', `/v1/admins/${self.body.id}`)).status).toBe(204);
  expect((await admin.call('GET', '/v1/admins')).status).toBe(401);
});

test('what ends with an admin token is not given to who has none', async () => {
  const person = { id: 'oidc:id-of-alice', name: 'oidc:alice@example.com', role: 'admin' } as const;
  const unlimited = { environments: null, secretPrefix: null, expiresAtMs: null };
  const caller = {
    admin: { ...person, ...unlimited, createdAtMs: 0, revokedAtMs: null },
    token: 'kfs_of-a-session',
  };
  for (const [method, path] of [
    ['POST', '/v1/sign-in-links'],
    ['GET', '/v1/rotations/calendar'],
  ]) {
    const request = new Request(`http://console.invalid${path}`, { method: method ?? 'GET' });
    const answer = await admin.app.fetch(request, { caller });
    expect({ path, status: answer.status }).toEqual({ path, status: 403 });
    expect(await answer.text()).toContain('create an admin for it');
  }
  expect((await admin.call('POST', '/v1/sign-in-links')).status).toBe(201);
});
