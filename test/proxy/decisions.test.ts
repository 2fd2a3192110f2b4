import { expect, test } from 'vitest';
import type { Decision } from '../../src/core/index.js';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { type RawResponse, rawClient, requestHead } from '../support/raw-client.js';
import { apiRoute, type ProxyRig, startProxy, startProxyBefore } from '../support/start-proxy.js';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';

const okUpstream = () => startUpstream((_request, response) => void response.end('ok'));

async function get(port: number, token: string, target = '/api'): Promise<RawResponse> {
  const client = (await rawClient(port)).send(requestHead('GET', target, token));
  const answer = await client.response();
  client.socket.destroy();
  return answer;
}

const codeOf = ({ headers }: RawResponse): string | undefined => headers['keyferry-error'];

test('an own error has its code, its problem document, and one decision', async () => {
  const upstream = await okUpstream();
  const { port, token, decisions } = await startProxyBefore(upstream.origin);
  const answer = await get(port, token, '/none?secret=value');
  expect(answer.status).toBe(404);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'keyferry-error': 'route_not_found',
  });
  const body = JSON.parse(answer.body);
  expect(body).toMatchObject({
    type: 'urn:keyferry:error:route_not_found',
    title: expect.any(String),
    status: 404,
    code: 'route_not_found',
    detail: expect.any(String),
    requestId: answer.headers['x-request-id'],
  });
  expect(decisions).toHaveLength(1);
  const decision = decisions[0] as Decision;
  expect(decision).toMatchObject({
    requestId: body.requestId,
    method: 'GET',
    route: undefined,
    environment: 'production',
    client: 'client-1',
    status: 404,
    code: 'route_not_found',
    upstream: undefined,
    secrets: [],
  });
  expect(decision.durationMs).toBeGreaterThan(0);
});

test('without a valid token the answer is the same 401, whether or not a route matches', async () => {
  const upstream = await okUpstream();
  const { port, token, clientId, clock, store, keeper, ...rig } = await startProxyBefore(
    upstream.origin,
  );
  const expiring = await rig.client('production', { expiresAtMs: clock.now() + 1000 });
  const elsewhere = await rig.client('production', { cidrs: ['10.0.0.0/8', 'fd00::/8'] });
  const here = await rig.client('production', { cidrs: ['10.0.0.0/8', '127.0.0.0/8'] });
  expect((await get(port, expiring.token)).status).toBe(200);
  expect((await get(port, here.token)).status).toBe(200);
  expect((await get(port, token)).status).toBe(200);
  clock.advance(1000);
  await store.revokeClient({ actor: TEST_ACTOR, id: clientId });
  await keeper.catchUp();
  const changed = `${here.token.slice(0, -1)}${here.token.endsWith('A') ? 'B' : 'A'}`;
  const bodies = new Set<string>();
  for (const wrong of ['', 'kfc_', 'nonsense', changed, expiring.token, elsewhere.token, token]) {
    for (const target of ['/api', '/none']) {
      const answer = await get(port, wrong, target);
      expect(answer.status).toBe(401);
      expect(codeOf(answer)).toBe('client_unauthenticated');
      expect(answer.headers['www-authenticate']).toBe('Basic realm="keyferry"');
      bodies.add(JSON.parse(answer.body).detail);
    }
  }
  expect(bodies.size).toBe(1);
  expect(upstream.seen).toHaveLength(3);
});

test('a client of some routes may use these alone', async () => {
  const upstream = await okUpstream();
  const { port, ...rig } = await startProxyBefore(upstream.origin);
  const route = apiRoute(upstream.origin);
  await rig.routes([route, { ...route, name: 'other', match: { pathPrefix: '/other' } }]);
  const { token } = await rig.client('production', { routes: ['api'] });
  expect((await get(port, token, '/api')).status).toBe(200);
  const refused = await get(port, token, '/other');
  expect(refused.status).toBe(403);
  expect(codeOf(refused)).toBe('route_forbidden');
  expect(upstream.seen).toHaveLength(1);
});

async function failing(rig: ProxyRig, token: string, code: string, names: RegExp): Promise<void> {
  const answer = await get(rig.port, token);
  expect(answer.status).toBe(500);
  expect(codeOf(answer)).toBe(code);
  expect(answer.body).toMatch(names);
}

test('a missing, revoked or expired value fails the request, and nothing is sent', async () => {
  const upstream = await okUpstream();
  const rig = await startProxy({ strictExpiry: true });
  const { clock, store, keeper } = rig;
  const actor = TEST_ACTOR;
  await rig.secret('api_key', { production: 'first' });
  const environment = { upstream: upstream.origin };
  await rig.routes([
    apiRoute(upstream.origin, { environments: { production: environment, staging: environment } }),
  ]);
  const staging = await rig.client('staging');
  const { token } = await rig.client('production');
  await failing(rig, staging.token, 'secret_missing', /api_key.*staging|staging.*api_key/);

  const target = { actor, secret: 'api_key', environment: 'production' };
  const expiresAtMs = clock.now() + 5000;
  await store.addVersion({ ...target, value: SecretValue.fromText('second'), expiresAtMs });
  await store.activateVersion({ ...target, version: 2 });
  await keeper.catchUp();
  expect((await get(rig.port, token)).status).toBe(200);
  expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer second');
  clock.advance(5000);
  const { connections } = upstream;
  await failing(rig, token, 'secret_expired', /api|production/);

  await store.revokeVersion({ ...target, version: 2, force: { reason: 'test' } });
  await keeper.catchUp();
  await failing(rig, token, 'secret_revoked', /api_key.*production/);
  expect(upstream.seen).toHaveLength(1);
  expect(upstream.connections).toBe(connections);
  expect(rig.decisions.map(({ code, upstream: host }) => [code, host])).toEqual([
    ['secret_missing', undefined],
    [undefined, upstream.origin.slice(7)],
    ['secret_expired', undefined],
    ['secret_revoked', undefined],
  ]);
});

test('an expired version still serves where expiry is not strict', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(upstream.origin);
  const target = { actor: TEST_ACTOR, secret: 'api_key', environment: 'production' };
  const expiresAtMs = rig.clock.now() + 1000;
  await rig.store.addVersion({ ...target, value: SecretValue.fromText('second'), expiresAtMs });
  await rig.store.activateVersion({ ...target, version: 2 });
  await rig.keeper.catchUp();
  rig.clock.advance(5000);
  expect((await get(rig.port, rig.token)).status).toBe(200);
});

test.each([
  ['a line break', 'two\r\nlines'],
  ['a line feed', 'two\nlines'],
  ['a NUL', 'a\0b'],
  ['a control', 'a\x01b'],
])('a value with %s is not placed in a header', async (_name, value) => {
  const upstream = await okUpstream();
  const rig = await startProxy();
  await rig.secret('api_key', { production: value });
  await rig.routes([apiRoute(upstream.origin)]);
  const { token } = await rig.client('production');
  const answer = await get(rig.port, token);
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain(JSON.stringify(value).slice(1, -1));
  expect(upstream.connections).toBe(0);
});

test('an environment overrides headers by name, and adds its own', async () => {
  const upstream = await okUpstream();
  const rig = await startProxy();
  await rig.secret('api_key', { production: 'live', staging: 'test' });
  await rig.routes([
    apiRoute(upstream.origin, {
      headers: { Authorization: 'Bearer <<secret:api_key>>', 'X-Version': '1' },
      environments: {
        production: { upstream: upstream.origin },
        staging: {
          upstream: upstream.origin,
          headers: { authorization: 'Token <<secret:api_key>>', 'X-Extra': 'é' },
        },
      },
    }),
  ]);
  for (const environment of ['production', 'staging']) {
    const { token } = await rig.client(environment);
    expect((await get(rig.port, token)).status).toBe(200);
  }
  const [live, staged] = upstream.seen;
  expect(live?.headers).toMatchObject({ authorization: 'Bearer live', 'x-version': '1' });
  expect(live?.headers['x-extra']).toBeUndefined();
  expect(staged?.headers).toMatchObject({ authorization: 'Token test', 'x-version': '1' });
  expect(Buffer.from(String(staged?.headers['x-extra']), 'latin1').toString()).toBe('é');
});

test('usage counts each request once, by outcome; a failed write is made up for', async () => {
  const statuses = [200, 204, 302, 400, 403, 404, 401, 500, 503];
  const upstream = await startUpstream(({ url }, response) => {
    const status = Number(url.searchParams.get('status'));
    if (status === 0) response.destroy();
    else sendAnswer(response, { status });
  });
  const rig = await startProxyBefore(upstream.origin);
  const second = await rig.client('production');
  for (const status of statuses) await get(rig.port, rig.token, `/api?status=${status}`);
  rig.clock.advance(1000);
  await get(rig.port, rig.token, '/api?status=0');
  await get(rig.port, second.token, '/api?status=200');
  // None of these was sent.
  await get(rig.port, rig.token, '/none');
  await get(rig.port, 'kfc_wrong');
  await rig.usage.flush();
  await rig.usage.flush();
  const rows = await rig.store.usageOf('api_key');
  const startedAtMs = rig.clock.now() - 1000;
  expect([...rows].sort((a, b) => b.accepted - a.accepted)).toEqual([
    {
      secret: 'api_key',
      environment: 'production',
      version: 1,
      route: 'api',
      client: 'client-1',
      accepted: 6,
      refused: 1,
      failed: 3,
      firstUsedAtMs: startedAtMs,
      lastUsedAtMs: rig.clock.now(),
    },
    expect.objectContaining({ client: 'client-2', accepted: 1, refused: 0, failed: 0 }),
  ]);
});

test('an upstream that was not reached used nothing', async () => {
  const rig = await startProxyBefore('http://127.0.0.1:1');
  await get(rig.port, rig.token);
  await rig.usage.flush();
  expect(await rig.store.usageOf('api_key')).toEqual([]);
});

test('metrics count each request once, by names alone', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(upstream.origin);
  const limited = await rig.client('production', { routes: ['other'] });
  await get(rig.port, rig.token);
  await get(rig.port, rig.token, '/api?q=1');
  await get(rig.port, limited.token);
  await get(rig.port, rig.token, '/none');
  await get(rig.port, 'kfc_wrong');
  const { text } = await rig.metrics.text();
  const counts = text.split('\n').filter((line) => line.startsWith('keyferry_requests_total{'));
  expect(counts.sort()).toEqual([
    'keyferry_requests_total{route="",environment="",status="401",code="client_unauthenticated"} 1',
    'keyferry_requests_total{route="",environment="",status="403",code="route_forbidden"} 1',
    'keyferry_requests_total{route="",environment="",status="404",code="route_not_found"} 1',
    'keyferry_requests_total{route="api",environment="production",status="200",code=""} 2',
  ]);
  expect(text).toContain(
    'keyferry_request_duration_seconds_count{route="api",environment="production"} 2',
  );
  expect(text).toContain('keyferry_requests_in_flight 0');
});
