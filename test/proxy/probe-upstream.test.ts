import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ProbeRequest, type Route, SecretValue } from '../../src/core/index.js';
import { createProber } from '../../src/create-prober.js';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { TEST_ACTOR as actor } from '../support/open-test-store.js';
import { apiRoute, type ProxyRig, REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const STAGED_KEY = 'staged_live_77ac01d2e9b34f58';
const at = { actor, secret: 'api_key', environment: 'production' };
const staged = { secret: 'api_key', version: 2, toSecret: null };

function proberOf({ keeper, proxy }: ProxyRig) {
  const prober = createProber(keeper, proxy);
  return (more: Partial<ProbeRequest> = {}) =>
    prober.probe({ route: 'api', environment: 'production', method: 'GET', path: '/me', ...more });
}

/** `startProxyBefore` with a staged second version. */
async function start(...args: Parameters<typeof startProxyBefore>) {
  const rig = await startProxyBefore(...args);
  await rig.store.addVersion({ ...at, value: SecretValue.fromText(STAGED_KEY) });
  await rig.keeper.catchUp();
  return { ...rig, probe: proberOf(rig) };
}

describe('a probe', () => {
  test('tries a staged version before any request has it, and counts as no use of it', async () => {
    const upstream = await startKeyedUpstream([REAL_KEY]);
    const rig = await start(upstream.origin);
    expect(await rig.probe()).toMatchObject({
      status: 200,
      code: undefined,
      outcome: 'accepted',
      injected: ['api_key@1'],
    });
    expect(await rig.probe({ with: staged })).toMatchObject({
      status: 401,
      code: undefined,
      outcome: 'refused',
      injected: ['api_key@2'],
    });
    expect(upstream.keys()).toEqual([REAL_KEY, STAGED_KEY]);
    await rig.usage.flush();
    expect(await rig.store.usageOf('api_key')).toEqual([]);
    const versions = await rig.store.listVersions('api_key', 'production');
    expect(versions.map(({ lastUsedAtMs, state }) => [state, lastUsedAtMs])).toEqual([
      ['staged', null],
      ['current', null],
    ]);
    expect(await rig.metrics.text()).toMatchObject({
      text: expect.not.stringContaining('keyferry_requests_total{route="api"'),
    });
    // Nothing carries a credential without a line in the log.
    expect(rig.decisions).toMatchObject([
      { route: 'api', client: undefined, status: 200, secrets: ['api_key@1'] },
      { route: 'api', client: undefined, status: 401, secrets: ['api_key@2'] },
    ]);
  });

  test('has the target that the upstream is to see, and what an upstream asks of a request', async () => {
    const upstream = await startUpstream((_request, response) => void response.end('{}'));
    const rig = await start(`${upstream.origin}/base`, {
      query: { key: '<<secret:api_key>>' },
      path: '/k/<<secret:api_key>>',
    });
    await rig.probe({ path: '/v1/me?fields=id', method: 'HEAD' });
    await rig.routes([
      apiRoute(upstream.origin, { headers: { 'user-agent': 'x <<secret:api_key>>' } }),
    ]);
    await rig.probe({ path: '/', with: staged });
    expect(upstream.seen.map(({ method, target }) => [method, target])).toEqual([
      ['HEAD', `/base/k/${REAL_KEY}/v1/me?fields=id&key=${REAL_KEY}`],
      ['GET', '/'],
    ]);
    expect(upstream.seen[0]?.headers).toMatchObject({ 'user-agent': 'Keyferry', accept: '*/*' });
    expect(upstream.seen[0]?.headers).not.toHaveProperty('keyferry-token');
    expect(upstream.seen[1]?.headers['user-agent']).toBe(`x ${STAGED_KEY}`);
  });

  test.each([
    ['json', { json: { '/auth/key': '<<secret:api_key>>' } }, `{"auth":{"key":"${STAGED_KEY}"}}`],
    ['form', { form: { key: '<<secret:api_key>>' } }, `key=${STAGED_KEY}`],
  ])('sets fields of a %s body, and signs', async (_kind, body, expected) => {
    const upstream = await startUpstream((_request, response) => void response.end('{}'));
    const sign = {
      hmac: {
        key: '<<secret:api_key>>',
        canonical: '<<method>> <<target>> <<bodyHash>>',
        header: 'X-Signature',
      },
    };
    const rig = await start(upstream.origin, { headers: {}, body, sign });
    const answer = await rig.probe({ method: 'POST', with: staged });
    expect(answer).toMatchObject({ status: 200, outcome: 'accepted', injected: ['api_key@2'] });
    const [request] = upstream.seen;
    expect(request?.body.toString()).toBe(expected);
    expect(request?.headers['x-signature']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('goes by the statuses of the route', async () => {
    const upstream = await startUpstream((_request, response) => void response.end());
    const rig = await start(upstream.origin, { refusedCredential: { statuses: [403] } });
    for (const [status, outcome] of [
      [403, 'refused'],
      [401, 'accepted'],
      [503, 'failed'],
      [302, 'accepted'],
    ] as const) {
      upstream.planned.push({ status });
      expect(await rig.probe()).toMatchObject({ status, outcome, code: undefined });
    }
    expect(upstream.seen).toHaveLength(4);
  });

  test('speaks HTTP/2 where the route does', async () => {
    const upstream = await startKeyedUpstream([STAGED_KEY], { http2: true });
    const rig = await start(upstream.origin, { http2: true });
    expect(await rig.probe({ with: staged })).toMatchObject({ status: 200, outcome: 'accepted' });
    expect(await rig.probe()).toMatchObject({ status: 401, outcome: 'refused' });
  });

  test('does not wait for a body that does not end, nor for a long one', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    const rig = await start(upstream.origin);
    expect(await rig.probe()).toMatchObject({ status: 200, outcome: 'accepted', code: undefined });
  });
});

describe('a probe that cannot be sent says why', () => {
  test.each(['me', '//a', '/a/../b', '/a b', '/a#b', ''])('target %j', async (path) => {
    const upstream = await startKeyedUpstream([REAL_KEY]);
    const rig = await start(upstream.origin);
    expect(await rig.probe({ path })).toMatchObject({
      status: 0,
      code: 'request_rejected',
      outcome: 'failed',
      injected: [],
    });
    expect(upstream.heads).toBe(0);
  });

  test('a version that cannot be placed, a private address, nobody there', async () => {
    const upstream = await startKeyedUpstream([REAL_KEY]);
    const rig = await start(upstream.origin);
    await rig.store.addVersion({ ...at, value: SecretValue.fromText('line\nbreak') });
    const unplaceable = await rig.probe({ with: { ...staged, version: 3 } });
    expect(unplaceable).toMatchObject({ status: 0, code: 'secret_missing', injected: [] });
    expect(unplaceable.detail).toContain('the header Authorization');
    await rig.store.revokeVersion({ ...at, version: 3 });
    expect(await rig.probe({ with: { ...staged, version: 3 } })).toMatchObject({
      code: 'secret_revoked',
    });
    await expect(rig.probe({ with: { ...staged, version: 9 } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(rig.probe({ route: 'apy' })).rejects.toMatchObject({ code: 'route_not_found' });
    const port = await closedPort();
    const route = (more: Partial<Route>): Route => ({ ...apiRoute(upstream.origin), ...more });
    await rig.routes([
      route({ allowPrivateNetwork: false }),
      { ...apiRoute(`http://127.0.0.1:${port}`), name: 'dead', match: { pathPrefix: '/dead' } },
    ]);
    expect(await rig.probe()).toMatchObject({ status: 0, code: 'upstream_address_denied' });
    const dead = await rig.probe({ route: 'dead' });
    expect(dead).toMatchObject({ status: 0, code: 'upstream_unreachable', outcome: 'failed' });
    expect(upstream.heads).toBe(0);
  });

  test('what an upstream makes of a wrong version closes it to nobody else', async () => {
    const upstream = await startUpstream(({ headers }, response) => {
      response.statusCode = headers.authorization?.includes(STAGED_KEY) === true ? 500 : 200;
      response.end();
    });
    const circuitBreaker = { failures: 2, countServerErrors: true };
    const rig = await start(upstream.origin, { circuitBreaker });
    const codes: unknown[] = [];
    for (let i = 0; i < 4; i++) codes.push((await rig.probe({ with: staged })).code);
    expect(codes).toEqual([undefined, undefined, 'circuit_open', 'circuit_open']);
    const response = await fetch(`http://127.0.0.1:${rig.port}/api/me`, {
      headers: { 'Keyferry-Token': rig.token },
    });
    expect(response.status).toBe(200);
  });

  test('a response that echoes the credential', async () => {
    const upstream = await startUpstream(({ headers }, response) => {
      response.end(JSON.stringify(headers));
    });
    const rig = await start(upstream.origin, { echoScrub: 'block' });
    expect(await rig.probe()).toMatchObject({
      status: 200,
      code: 'echo_blocked',
      outcome: 'accepted',
    });
    expect(rig.echoes).toMatchObject([{ kind: 'hit', secrets: ['api_key'], client: undefined }]);
  });
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
