import { createServer } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Route } from '../../src/core/index.js';
import { type AdminAnswer, callAdmin } from '../support/call-admin.js';
import { formsOf } from '../support/canary.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { type PlannedAnswer, startUpstream, type TestUpstream } from '../support/start-upstream.js';

const VALUE = 'pay_live_+77/ac"01d2&e9b3 4f58<z>';
const STAGING = 'pay_test_10293847aabbccdd';
/** Nothing writes credentials so, and the search does not promise them. */
const NOT_PROMISED = new Set(['list of bytes', 'bytes of inspect', 'UTF-16']);

interface Rig {
  readonly keyferry: TestKeyferry;
  readonly upstream: TestUpstream;
  readonly staging: TestUpstream;
  tryIt(body?: object, environment?: string, route?: string): Promise<AdminAnswer>;
}

/** A route that places one value everywhere, to an upstream that gives everything back, and is not to be searched. */
async function start(more: Partial<Route> = {}): Promise<Rig> {
  const echo = await startUpstream((request, response) => {
    response.setHeader('X-Echo', request.headers.authorization ?? '');
    response.setHeader('Set-Cookie', `session=${request.headers.authorization}`);
    response.end(`${request.target}\n${request.rawHeaders.join('\n')}\n${request.body}`);
  });
  const staging = await startUpstream((_request, response) => void response.end('staging'));
  const keyferry = await startKeyferry();
  await keyferry.secret('pay_key', { production: VALUE, staging: STAGING });
  const route: Route = {
    name: 'pay',
    match: { pathPrefix: '/pay' },
    headers: { Authorization: 'Bearer <<secret:pay_key>>', 'X-Basic': '<<basic:pay_key,pay_key>>' },
    query: { key: '<<secret:pay_key>>' },
    allowPrivateNetwork: true,
    echoScrub: 'off',
    environments: {
      production: { upstream: `${echo.origin}/base` },
      staging: { upstream: staging.origin },
    },
    ...more,
  };
  await keyferry.routes([route], '?allowMissing=true');
  return {
    keyferry,
    upstream: echo,
    staging,
    tryIt: (body = {}, environment = 'production', name = 'pay') =>
      keyferry.call('POST', `/v1/routes/${name}/environments/${environment}/try`, body),
  };
}

function leaksIn(answer: AdminAnswer, value = VALUE): string[] {
  const texts = [JSON.stringify(answer.body), ...stringsIn(answer.body)];
  return formsOf(value)
    .filter(({ bytes }) => texts.some((text) => Buffer.from(text).includes(bytes)))
    .map(({ name }) => name);
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

const bodyOf = ({ body }: AdminAnswer) => body as ReturnType<typeof JSON.parse>;

test('a request takes the real path, and is shown by names and versions', async () => {
  const body = { json: { '/auth': '<<secret:pay_key>>' } };
  const { upstream, tryIt } = await start({ body });
  const answer = await tryIt({
    method: 'POST',
    path: '/pay/v1/charges?limit=10&key=mine',
    headers: {
      authorization: 'Bearer mine',
      'Content-Type': 'application/json',
      'X-Own': 'own-text',
      Connection: 'X-Hop',
      'X-Hop': '1',
      'X-Request-Id': 'mine',
    },
    body: '{"amount":5}',
  });
  expect(answer.status).toBe(200);
  expect(upstream.seen).toHaveLength(1);
  const [seen] = upstream.seen;
  expect(seen).toMatchObject({
    method: 'POST',
    target: `/base/v1/charges?limit=10&key=${encodeURIComponent(VALUE).replace("'", '%27')}`,
    headers: { authorization: `Bearer ${VALUE}`, 'x-own': 'own-text', 'user-agent': 'Keyferry' },
  });
  expect(seen?.headers).not.toHaveProperty('x-hop');
  expect(JSON.parse(String(seen?.body))).toEqual({ amount: 5, auth: VALUE });
  const { sent, ...rest } = bodyOf(answer);
  expect(rest).toMatchObject({
    route: 'pay',
    environment: 'production',
    method: 'POST',
    path: '/pay/v1/charges',
    status: 200,
    injected: ['pay_key@1'],
    echoed: ['pay_key'],
    code: null,
  });
  expect(sent.url).toBe(`${upstream.origin}/base/v1/charges?limit=…&key=[redacted: pay_key v1]`);
  expect(sent.fields).toEqual([{ name: '/auth', value: '[redacted: pay_key v1]' }]);
  expect(sent.removed).toEqual(['authorization', 'Connection', 'X-Hop', 'X-Request-Id']);
  const shown = new Map<string, { by: string; value: string | null }>(
    sent.headers.map((one: { name: string }) => [one.name.toLowerCase(), one]),
  );
  expect(shown.get('authorization')).toMatchObject({
    by: 'route',
    value: 'Bearer [redacted: pay_key v1]',
  });
  expect(shown.get('x-basic')?.value).toBe('Basic [redacted: pay_key v1, pay_key v1]');
  expect(shown.get('x-own')).toMatchObject({ by: 'request', value: null });
  expect(shown.get('x-request-id')).toMatchObject({ by: 'keyferry', value: rest.requestId });
  expect(shown.get('host')?.value).toBe(`127.0.0.1:${upstream.port}`);
  expect(sent.headers).toHaveLength((seen?.rawHeaders.length ?? 0) / 2 - 1);
  expect(leaksIn(answer)).toEqual([]);
});

test('an upstream that gives the value back in any form shows it to nobody, whatever the route says', async () => {
  const { upstream, keyferry } = await start({ echoScrub: 'off' });
  const text = { 'content-type': 'text/plain' };
  const planned: PlannedAnswer[] = formsOf(VALUE)
    .filter(({ name }) => !NOT_PROMISED.has(name))
    .map(({ bytes }) => ({ status: 200, headers: text, body: `a ${bytes} z` }));
  for (const headers of [text, { ...text, 'X-Back': encodeURIComponent(VALUE) }]) {
    planned.push({ status: 500, headers, body: VALUE });
  }
  upstream.planned.push(...planned);
  for (let count = 0; count < planned.length; count++) {
    // Twenty a minute: an admin each for the rest.
    const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
      name: `operator-${count}`,
      role: 'operator',
    });
    const path = '/v1/routes/pay/environments/production/try';
    const answer = await callAdmin(keyferry.adminUrl, token, 'POST', path, {});
    expect({ count, leaks: leaksIn(answer), body: bodyOf(answer).response.body }).toEqual({
      count,
      leaks: [],
      body: expect.stringContaining('[redacted]'),
    });
    expect(bodyOf(answer).echoed).toEqual(['pay_key']);
  }
});

describe('what is not searched as text is withheld', () => {
  test('binary types, UTF-16, what is no UTF-8, other encodings', async () => {
    const { upstream, tryIt } = await start();
    const planned = [
      [{ 'content-type': 'application/octet-stream' }, Buffer.from(VALUE), 'not_text'],
      [
        { 'content-type': 'text/plain; charset=utf-16le' },
        Buffer.from(VALUE, 'utf16le'),
        'not_text',
      ],
      [{}, Buffer.from([0x61, 0xff, 0x62]), 'not_text'],
      [{ 'content-encoding': 'zstd' }, Buffer.from('abc'), 'encoded'],
      [{ 'content-encoding': 'gzip, gzip' }, gzipSync(gzipSync(VALUE)), 'encoded'],
      // Named there, they would be for this hop, and nobody would know what the body is.
      [
        { 'content-type': 'application/octet-stream', connection: 'content-type' },
        Buffer.from(VALUE),
        'not_text',
      ],
      [
        { 'content-encoding': 'x-own', connection: 'close, Content-Encoding' },
        Buffer.from(VALUE),
        'encoded',
      ],
    ] as const;
    for (const [headers, body, withheld] of planned) {
      upstream.server.removeAllListeners('request');
      upstream.server.on('request', (_request, response) => {
        response.writeHead(200, headers);
        response.end(body);
      });
      const answer = await tryIt();
      expect(bodyOf(answer).response).toMatchObject({ body: null, withheld });
      expect(leaksIn(answer)).toEqual([]);
    }
  });

  test('gzip and br are read, and the length that says how long the value is, is not told', async () => {
    const { upstream, tryIt } = await start();
    let coding = 'gzip';
    upstream.server.removeAllListeners('request');
    upstream.server.on('request', (_request, response) => {
      const body = coding === 'gzip' ? gzipSync(`<${VALUE}>`) : brotliCompressSync(`<${VALUE}>`);
      response.writeHead(200, { 'content-encoding': coding, 'content-length': body.length });
      response.end(body);
    });
    for (coding of ['gzip', 'br']) {
      const { response } = bodyOf(await tryIt({ headers: { 'Accept-Encoding': coding } }));
      expect(response).toMatchObject({ body: '<[redacted]>', withheld: null, isCut: false });
      expect(JSON.stringify(response.headers)).not.toMatch(/length/i);
    }
    const head = bodyOf(await tryIt({ method: 'HEAD' }));
    expect(JSON.stringify(head.response.headers)).not.toMatch(/length/i);
  });

  test('everything, where a value is too short to be searched for', async () => {
    const { keyferry, tryIt, upstream } = await start();
    await keyferry.secret('pin', { production: '73915' });
    await keyferry.routes([
      {
        name: 'pay',
        match: { pathPrefix: '/pay' },
        headers: { 'X-Pin': '<<secret:pin>>' },
        allowPrivateNetwork: true,
        environments: { production: { upstream: upstream.origin } },
      },
    ]);
    const answer = await tryIt();
    expect(upstream.seen.at(-1)?.headers['x-pin']).toBe('73915');
    expect(bodyOf(answer)).toMatchObject({
      status: 200,
      response: { headers: [], body: null, withheld: 'short_value' },
    });
    expect(JSON.stringify(answer.body)).not.toContain('73915');
  });
});

test('a long or endless answer is cut, and shown up to there', async () => {
  const { upstream, tryIt } = await start();
  upstream.planned.push({ status: 200, body: `${'x '.repeat(50_000)}${VALUE}` });
  const { response } = bodyOf(await tryIt());
  expect(response).toMatchObject({ isCut: true, withheld: null });
  expect(response.body).toHaveLength(64 * 1024);
  upstream.server.removeAllListeners('request');
  upstream.server.on('request', (_request, streaming) => void streaming.write('data: first\n\n'));
  expect(bodyOf(await tryIt()).response).toMatchObject({ isCut: true, body: 'data: first\n\n' });
});

test('what was written into a path or body as a value reaches neither page nor audit log', async () => {
  const { keyferry, tryIt } = await start();
  const answer = await tryIt({
    method: 'POST',
    path: `/pay/${encodeURIComponent(VALUE)}/x?mine=${encodeURIComponent(VALUE)}`,
    headers: { 'X-Mine': VALUE },
    body: JSON.stringify({ mine: VALUE }),
  });
  expect(bodyOf(answer).path).toBe('/pay/[redacted]/x');
  expect(bodyOf(answer).sent.url).toContain('/base/[redacted]/x?mine=…&key=');
  expect(leaksIn(answer)).toEqual([]);
  const bare = await tryIt({
    path: `/pay?${encodeURIComponent(VALUE)}&a${encodeURIComponent(VALUE)}=1`,
  });
  expect(bodyOf(bare).sent.url).toContain('?[redacted]&a[redacted]=…&key=');
  expect(leaksIn(bare)).toEqual([]);
  const { items } = await keyferry.admin<{ items: object[] }>('GET', '/v1/audit?action=route.try');
  expect(items).toMatchObject([
    { detail: { path: '/pay' } },
    {
      actor: { name: expect.any(String) },
      environment: 'production',
      detail: { route: 'pay', method: 'POST', path: '/pay/[redacted]/x' },
    },
  ]);
});

test('it goes to the upstream of the route and environment alone', async () => {
  const { upstream, staging, tryIt } = await start();
  const other = await startUpstream((_request, response) => void response.end());
  const refused = [
    `http://127.0.0.1:${other.port}/pay`,
    `//127.0.0.1:${other.port}/pay`,
    '/pay/../../x',
    '/pay/%2e%2e/x',
    '/pay\\@127.0.0.1/',
    '/pay/x#y',
    '/pay/x y',
    '/else',
    '/payx',
  ];
  for (const path of refused) {
    const answer = await tryIt({ path });
    expect([path, answer.status, bodyOf(answer).code]).toEqual([path, 400, 'invalid_request']);
  }
  for (const headers of [
    { 'X-A': 'a\r\nX-B: b' },
    { 'X-A': 'a\nb' },
    { 'X A': 'a' },
    { 'X-A:': 'a' },
    { 'X-A': 'ł' },
    { 'Content-Length': '3' },
    { 'Transfer-Encoding': 'gzip' },
    { Content_Length: '1' },
    { Host: 'a b' },
    { Expect: 'magic' },
  ]) {
    const answer = await tryIt({ method: 'POST', headers, body: 'abc' });
    expect([headers, answer.status]).toEqual([headers, 400]);
  }
  expect([upstream.seen, staging.seen, other.seen]).toEqual([[], [], []]);
  // What names another host reaches none: the upstream is the operator's.
  const named = { Host: `127.0.0.1:${other.port}`, 'X-Forwarded-Host': 'evil.example' };
  expect((await tryIt({ headers: named })).status).toBe(200);
  expect(upstream.seen[0]?.headers).toMatchObject({ host: `127.0.0.1:${upstream.port}` });
  expect(upstream.seen[0]?.headers).not.toHaveProperty('x-forwarded-host');
  upstream.planned.push({ status: 302, headers: { location: `${other.origin}/` } });
  expect(bodyOf(await tryIt())).toMatchObject({ status: 302 });
  expect(other.connections).toBe(0);
  expect(bodyOf(await tryIt({ path: '/pay/x' }, 'staging')).response.body).toBe('staging');
  expect(staging.seen[0]?.headers.authorization).toBe(`Bearer ${STAGING}`);
});

test('a missing value fails hard: nothing is sent, and it is said what is missing', async () => {
  const { keyferry, upstream, tryIt } = await start({
    headers: { Authorization: 'Bearer <<secret:pay_key>>', 'X-Absent': '<<secret:absent>>' },
  });
  await keyferry.admin('POST', '/v1/secrets', { name: 'absent' });
  const answer = await tryIt();
  expect(bodyOf(answer)).toMatchObject({
    status: null,
    code: 'secret_missing',
    detail: expect.stringContaining('"absent"'),
    sent: null,
    response: null,
  });
  expect(upstream.connections).toBe(0);
});

test('an upstream that cannot be reached is told of without its words', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void closed.close());
  await new Promise((resolve) => closed.once('listening', resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  const upstream = `http://127.0.0.1:${port}`;
  const { tryIt } = await start({ environments: { production: { upstream } } });
  expect(bodyOf(await tryIt())).toMatchObject({ status: null, code: 'upstream_unreachable' });
});

test('a staged version is tried in place of the one in use, and neither counts as used', async () => {
  const { keyferry, upstream, tryIt } = await start();
  const next = 'pay_live_next_5544332211';
  const versions = '/v1/secrets/pay_key/environments/production/versions';
  await keyferry.admin('POST', versions, { value: next });
  upstream.planned.push({ status: 200, body: `${VALUE} ${next}` });
  const answer = await tryIt({ with: { secret: 'pay_key', version: 2 } });
  expect(upstream.seen[0]?.headers.authorization).toBe(`Bearer ${next}`);
  expect(bodyOf(answer)).toMatchObject({ injected: ['pay_key@2'], echoed: ['pay_key'] });
  // The upstream knows the one in use as well.
  expect(bodyOf(answer).response.body).toBe('[redacted] [redacted]');
  expect([...leaksIn(answer), ...leaksIn(answer, next)]).toEqual([]);
  expect(JSON.stringify(answer.body)).toContain('Bearer [redacted: pay_key v2]');
  const missing = await tryIt({ with: { secret: 'pay_key', version: 7 } });
  expect([missing.status, bodyOf(missing).code]).toEqual([404, 'not_found']);
  const { items } = await keyferry.admin<{ items: { lastUsedAt: null }[] }>('GET', versions);
  expect(items.map(({ lastUsedAt }) => lastUsedAt)).toEqual([null, null]);
});

test('operators may, within their limits, 20 times a minute; viewers may not', async () => {
  const { keyferry, upstream } = await start();
  const path = (environment: string, route = 'pay'): string =>
    `/v1/routes/${route}/environments/${environment}/try`;
  let names = 0;
  const as = async (more: object) => {
    const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
      name: `someone-${++names}`,
      ...more,
    });
    return async (...at: Parameters<typeof path>) => {
      const { status } = await callAdmin(keyferry.adminUrl, token, 'POST', path(...at), {});
      return status;
    };
  };
  const viewer = await as({ role: 'viewer' });
  expect(await viewer('production')).toBe(403);
  const ofStaging = await as({ role: 'operator', environments: ['staging'] });
  expect([await ofStaging('production'), await ofStaging('staging')]).toEqual([404, 200]);
  const ofOthers = await as({ role: 'operator', secretPrefix: 'shop_' });
  expect(await ofOthers('production')).toBe(404);
  const ofSecret = await as({ role: 'operator', secretPrefix: 'pay_' });
  expect([await ofSecret('production', 'paj'), await ofSecret('production')]).toEqual([404, 200]);
  expect(upstream.seen).toHaveLength(1);
  const eager = await as({ role: 'operator' });
  const statuses = [];
  for (let count = 0; count < 21; count++) statuses.push(await eager('production'));
  expect(statuses).toEqual([...Array<number>(20).fill(200), 429]);
  expect(upstream.seen).toHaveLength(21);
  const { body } = await keyferry.call('GET', '/v1/audit?action=route.try&limit=100');
  expect((body as { items: object[] }).items).toHaveLength(22);
});

test('the answer that is kept for a repetition is without what the upstream answered', async () => {
  const { keyferry, upstream } = await start();
  upstream.planned.push({ status: 201, body: 'what-only-one-may-see' });
  const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: 'operator',
    role: 'operator',
  });
  const send = () =>
    fetch(`${keyferry.adminUrl}/v1/routes/pay/environments/production/try`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: '{"method":"POST"}',
    });
  expect(await (await send()).text()).toContain('what-only-one-may-see');
  const repeated = await send();
  expect(repeated.headers.get('keyferry-idempotent-replay')).toBe('true');
  const text = await repeated.text();
  expect(text).toContain('"status":201');
  expect(text).not.toContain('what-only-one-may-see');
  expect(upstream.seen).toHaveLength(1);
});
