import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAdmin, type TestAdmin } from './start-admin.js';

const CANARY = 'canary-51f0aa';
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

const problems: [
  what: string,
  method: string,
  path: string,
  body: unknown,
  expected: { path?: string; nearest?: string; code?: string; status?: number; detail?: string },
][] = [
  [
    'an unknown field',
    'POST',
    '/v1/secrets',
    { name: 'a', ownr: 'x' },
    { path: 'ownr', nearest: 'owner' },
  ],
  [
    'an unknown word',
    'POST',
    '/v1/secrets',
    { name: 'a', kind: 'strpe' },
    { path: 'kind', nearest: 'stripe' },
  ],
  [
    'another type',
    'POST',
    '/v1/secrets',
    { name: 5 },
    { path: 'name', detail: 'found a number, expected a string' },
  ],
  ['a missing field', 'POST', '/v1/secrets', {}, { path: 'name', detail: 'found nothing' }],
  [
    'a nested type',
    'POST',
    '/v1/secrets',
    { name: 'a', labels: { team: 1 } },
    { path: 'labels.team' },
  ],
  [
    'a list item',
    'POST',
    '/v1/secrets',
    { name: 'a', allowedHosts: ['a.b', 'https://a.b'] },
    { path: 'allowedHosts[1]' },
  ],
  [
    'a bad name',
    'POST',
    '/v1/secrets',
    { name: '1a' },
    { path: 'name', detail: 'expected a letter' },
  ],
  ['a body that is a list', 'POST', '/v1/secrets', [], { path: '$' }],
  ['a body where none is taken', 'GET', '/v1/secrets', undefined, { status: 200 }],
  ['no body', 'POST', '/v1/secrets', undefined, { path: 'name' }],
  ['malformed JSON', 'POST', '/v1/secrets', `{"name": "${CANARY}`, { detail: 'not valid JSON' }],
  [
    'an unknown parameter',
    'GET',
    '/v1/secrets?unusedFor=3',
    undefined,
    { path: 'query.unusedFor' },
  ],
  [
    'a misspelt parameter',
    'GET',
    '/v1/secrets?enviroment=x',
    undefined,
    { path: 'query.enviroment', nearest: 'environment' },
  ],
  ['a parameter twice', 'GET', '/v1/secrets?limit=1&limit=2', undefined, { path: 'query.limit' }],
  [
    'a parameter out of range',
    'GET',
    '/v1/secrets?limit=0',
    undefined,
    { path: 'query.limit', detail: '1 to 1000' },
  ],
  [
    'a parameter that is no boolean',
    'GET',
    '/v1/secrets?withoutRoutes=yes',
    undefined,
    { path: 'query.withoutRoutes' },
  ],
  [
    'a version that is no number',
    'GET',
    '/v1/secrets/a/environments/production/versions/one',
    undefined,
    { path: 'path.version' },
  ],
  [
    'a bad network',
    'POST',
    '/v1/clients',
    { name: 'c', environment: 'production', cidrs: ['10.0.0.0/33'] },
    { path: 'cidrs[0]' },
  ],
  [
    'an unknown role',
    'POST',
    '/v1/admins',
    { name: 'x', role: 'operater' },
    { path: 'role', nearest: 'operator' },
  ],
  [
    'a misspelt path',
    'GET',
    '/v1/secret',
    undefined,
    { status: 404, code: 'not_found', detail: 'Did you mean /v1/secrets?' },
  ],
  [
    'a misspelt path below a name',
    'GET',
    '/v1/secrets/a/environment/production/versions',
    undefined,
    { status: 404, code: 'not_found', detail: '/v1/secrets/a/environments/production/versions' },
  ],
  [
    'another method',
    'PUT',
    '/v1/clients',
    {},
    { status: 405, code: 'method_not_allowed', detail: 'POST, GET' },
  ],
  [
    'a misspelt environment of a scope',
    'POST',
    '/v1/admins',
    { name: 'x', role: 'viewer', environments: ['stagin'] },
    { status: 422, code: 'environment_unknown', path: 'environments[0]', nearest: 'staging' },
  ],
];

test.each(problems)('%s is explained', async (_, method, path, body, expected) => {
  const reply = await admin.call(method, path, { body });
  expect(reply.status).toBe(expected.status ?? 400);
  expect(reply.text).not.toContain(CANARY);
  if (reply.status === 200) return;
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  expect(reply.headers.get('keyferry-error')).toBe(reply.body.code);
  expect(reply.body.code).toBe(expected.code ?? 'invalid_request');
  expect(reply.body.type).toBe(`urn:keyferry:error:${reply.body.code}`);
  expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'));
  if (expected.path !== undefined) expect(reply.body.errors[0].path).toBe(expected.path);
  if (expected.nearest !== undefined) expect(reply.body.errors[0].nearest).toBe(expected.nearest);
  if (expected.detail !== undefined) expect(reply.body.detail).toContain(expected.detail);
});

test('all problems are reported at once', async () => {
  const reply = await admin.call('POST', '/v1/secrets', {
    body: { name: 7, kind: 'x', rotateEveryDays: 0, extra: true },
  });
  const paths = reply.body.errors.map(({ path }: { path: string }) => path).sort();
  expect(paths).toEqual(['extra', 'kind', 'name', 'rotateEveryDays']);
});

test('another content type, and bytes that are no UTF-8, are refused', async () => {
  const form = await admin.call('POST', '/v1/secrets', {
    body: 'name=a',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  expect([form.status, form.body.code]).toEqual([400, 'invalid_request']);
  expect(form.body.detail).toContain('Content-Type: application/json');
  const response = await fetch(`${admin.origin}/v1/secrets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${admin.rootToken}`, 'Content-Type': 'application/json' },
    body: Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]),
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('UTF-8');
});

test('a body over the limit is refused, declared or not', async () => {
  const body = JSON.stringify({ name: 'a', description: 'x'.repeat(1024 * 1024) });
  const declared = await admin.call('POST', '/v1/secrets', { body });
  expect([declared.status, declared.body.code]).toEqual([413, 'request_too_large']);
  const chunked = await new Promise<string>((resolve, reject) => {
    const { port, hostname } = new URL(admin.origin);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('request_too_large')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(
      `POST /v1/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin.rootToken}\r\n` +
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const piece = 'x'.repeat(65_536);
    for (let count = 0; count < 20; count += 1) socket.write(`10000\r\n${piece}\r\n`);
  });
  expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  expect((await admin.call('GET', '/v1/secrets')).status).toBe(200);
});

test('every answer keeps browsers and caches out', async () => {
  for (const [path, token] of [
    ['/v1/secrets', admin.rootToken],
    ['/v1/secrets', null],
    ['/v1/nothing', admin.rootToken],
    ['/nothing', null],
    ['/healthz', null],
    ['/docs', null],
  ] as const) {
    const { headers } = await admin.call('GET', path, {
      token,
      headers: { Origin: 'https://evil.example.com' },
    });
    expect(headers.get('cache-control'), path).toBe('no-store');
    expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
    expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('x-request-id'), path).toMatch(/^[0-9a-f-]{36}$/);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  }
  const preflight = await admin.call('OPTIONS', '/v1/secrets', {
    headers: { Origin: 'https://evil.example.com', 'Access-Control-Request-Method': 'POST' },
  });
  expect(preflight.status).toBe(405);
});

test('a request id is kept where it is plain', async () => {
  const plain = await admin.call('GET', '/healthz', { headers: { 'X-Request-Id': 'ci-7.a_b' } });
  expect(plain.headers.get('x-request-id')).toBe('ci-7.a_b');
  const odd = await admin.call('GET', '/healthz', { headers: { 'X-Request-Id': 'a b<c>' } });
  expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('an unexpected failure says nothing foreign and is logged', async () => {
  const failing = await startAdmin({
    publish: async () => {
      throw new Error(`foreign text ${CANARY}`);
    },
  });
  const reply = await failing.call('POST', '/v1/secrets', { body: { name: 'a' } });
  expect([reply.status, reply.body.code]).toEqual([500, 'internal_error']);
  expect(reply.text).not.toContain(CANARY);
  expect(failing.logged).toHaveLength(1);
  expect(String(failing.logged[0])).toContain(CANARY);
  await failing.stop();
});

test('what is not part of this API answers 404', async () => {
  for (const path of ['/v1/keys', '/v1/providers']) {
    expect((await admin.call('GET', path)).status, path).toBe(404);
  }
});
