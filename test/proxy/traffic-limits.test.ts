import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type RawResponse, rawClient, requestHead } from '../support/raw-client.js';
import { freePort } from '../support/serve-process.js';
import { apiRoute, type ProxyBefore, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const okUpstream = () => startUpstream((_request, response) => void response.end('ok'));

/** Answers when it is told to. */
async function startHeld(port = 0) {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { held, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function ask(rig: Pick<ProxyBefore, 'port'>, token: string): Promise<RawResponse> {
  const client = await rawClient(rig.port);
  const answer = await client.send(requestHead('GET', '/api', token)).response();
  client.socket.destroy();
  return answer;
}

test('a route takes its burst, then answers 429 and says how long to wait', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(upstream.origin, {
    limits: { requestsPerSecond: 0.01, burst: 3 },
  });
  for (const left of [2, 1, 0]) {
    const { status, headers } = await ask(rig, rig.token);
    expect(status).toBe(200);
    expect(headers['ratelimit-policy']).toBe('"route";q=3;w=300');
    expect(headers.ratelimit).toMatch(new RegExp(`^"route";r=${left};t=(?:9[0-9]|100)$`));
  }
  const refused = await ask(rig, rig.token);
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'keyferry-error': 'rate_limited', 'ratelimit-policy': '"route";q=3;w=300' },
  });
  const reset = Number(/^"route";r=0;t=(\d+)$/.exec(refused.headers.ratelimit ?? '')?.[1]);
  expect(Number(refused.headers['retry-after'])).toBe(reset);
  expect(refused.body).toContain('The route \\"api\\" may send 0.01 requests per second');
  expect(upstream.seen).toHaveLength(3);
  expect(rig.proxy.traffic().limited).toEqual({
    route: { rate: 1, concurrency: 0 },
    client: { rate: 0, concurrency: 0 },
  });
});

test('what a route has used up stays used up when routes and secrets change', async () => {
  const upstream = await okUpstream();
  const limits = { requestsPerSecond: 0.001, burst: 2 };
  const rig = await startProxyBefore(upstream.origin, { limits });
  expect((await ask(rig, rig.token)).status).toBe(200);
  await rig.secret('other', { production: 'x' });
  await rig.routes([apiRoute(upstream.origin, { limits, forwardClientAddress: true })]);
  expect((await ask(rig, rig.token)).status).toBe(200);
  expect((await ask(rig, rig.token)).status).toBe(429);
  await rig.routes([
    apiRoute(upstream.origin, { limits: { requestsPerSecond: 1000, burst: 1000 } }),
  ]);
  await vi.waitUntil(async () => (await ask(rig, rig.token)).status === 200, PATIENCE_MS);
  await rig.routes([apiRoute(upstream.origin)]);
  const { status, headers } = await ask(rig, rig.token);
  expect(status).toBe(200);
  expect(headers).not.toHaveProperty('ratelimit');
});

test('environments of a route have limits of their own', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(upstream.origin, {
    limits: { requestsPerSecond: 0.001, burst: 1 },
    environments: {
      production: { upstream: upstream.origin },
      staging: { upstream: upstream.origin, limits: { burst: 2 }, headers: { Authorization: 'x' } },
    },
  });
  const staging = await rig.client('staging');
  const statuses = async (token: string, count: number): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await ask(rig, token)).status);
    return all;
  };
  expect(await statuses(rig.token, 2)).toEqual([200, 429]);
  expect(await statuses(staging.token, 3)).toEqual([200, 200, 429]);
});

test('requests under way are limited per route, and one that ends makes room', async () => {
  const { origin, held } = await startHeld();
  const rig = await startProxyBefore(origin, { limits: { concurrentRequests: 2 } });
  const [first, second, third] = [
    await rawClient(rig.port),
    await rawClient(rig.port),
    await rawClient(rig.port),
  ];
  first.send(requestHead('GET', '/api', rig.token));
  second.send(requestHead('GET', '/api', rig.token));
  await vi.waitUntil(() => held.length === 2, PATIENCE_MS);
  third.send(requestHead('GET', '/api', rig.token));
  expect(await third.response()).toMatchObject({
    status: 429,
    headers: {
      'retry-after': '1',
      'ratelimit-policy': '"route-concurrency";q=2;qu="concurrent-requests"',
      ratelimit: '"route-concurrency";r=0',
    },
  });
  held[0]?.end('ok');
  expect((await first.response()).status).toBe(200);
  third.send(requestHead('GET', '/api', rig.token));
  await vi.waitUntil(() => held.length === 3, PATIENCE_MS);
  // A client that leaves makes room too.
  second.socket.destroy();
  await rig.ended(3);
  first.send(requestHead('GET', '/api', rig.token));
  await vi.waitUntil(() => held.length === 4, PATIENCE_MS);
  expect(rig.proxy.traffic().limited.route).toEqual({ rate: 0, concurrency: 1 });
});

test('each client has its own share of what every client may send', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(
    upstream.origin,
    { limits: { requestsPerSecond: 0.001, burst: 3 } },
    { limits: { clientLimits: { requestsPerSecond: 0.001, burst: 2 } } },
  );
  const other = await rig.client('production');
  expect((await ask(rig, rig.token)).headers['ratelimit-policy']).toBe(
    '"client";q=2;w=2000, "route";q=3;w=3000',
  );
  expect((await ask(rig, rig.token)).status).toBe(200);
  const refused = await ask(rig, rig.token);
  expect(refused.status).toBe(429);
  expect(refused.headers.ratelimit).toMatch(/^"client";r=0;t=\d+$/);
  // What the client was refused is not taken from the route.
  expect((await ask(rig, other.token)).status).toBe(200);
  expect((await ask(rig, other.token)).headers.ratelimit).toMatch(/^"route";r=0;t=\d+$/);
});

test('a client has its own limits over all routes, which change without a new token', async () => {
  const upstream = await okUpstream();
  const rig = await startProxyBefore(
    upstream.origin,
    {},
    { limits: { clientLimits: { requestsPerSecond: 0.001, burst: 5 } } },
  );
  const { id, token } = await rig.client('production', {
    limits: { requestsPerSecond: 0.001, burst: 2 },
  });
  expect((await ask(rig, token)).status).toBe(200);
  expect((await ask(rig, token)).status).toBe(200);
  expect((await ask(rig, token)).status).toBe(429);
  const actor = TEST_ACTOR;
  await rig.store.updateClient({ actor, id, limits: { concurrentRequests: 1 } });
  await rig.keeper.catchUp();
  expect((await ask(rig, token)).headers).not.toHaveProperty('ratelimit');
  await rig.store.updateClient({ actor, id, limits: null });
  await rig.keeper.catchUp();
  expect((await ask(rig, token)).headers['ratelimit-policy']).toBe('"client";q=5;w=5000');
  expect((await ask(rig, rig.token)).headers['ratelimit-policy']).toBe('"client";q=5;w=5000');
  await rig.store.revokeClient({ actor, id });
  await expect(rig.store.updateClient({ actor, id, limits: null })).rejects.toMatchObject({
    code: 'conflict',
  });
  const unknown = rig.store.updateClient({ actor, id: 'none', limits: null });
  await expect(unknown).rejects.toMatchObject({ code: 'not_found' });
});

test('an upstream that is gone is left alone for a while, then found again by one probe', async () => {
  const { origin, held } = await startHeld();
  const dead = 'http://127.0.0.1:1';
  const circuitBreaker = { failures: 3, openMs: 300 };
  const rig = await startProxyBefore(dead, { circuitBreaker });
  for (let i = 0; i < 3; i++) expect((await ask(rig, rig.token)).status).toBe(502);
  const open = await ask(rig, rig.token);
  expect(open).toMatchObject({
    status: 503,
    headers: { 'keyferry-error': 'circuit_open', 'retry-after': '1' },
  });
  expect(open.body).toContain('127.0.0.1:1 could not be reached');
  expect(rig.proxy.traffic()).toMatchObject({
    circuits: [{ upstream: '127.0.0.1:1', environment: 'production', state: 'open' }],
    circuitsOpened: 1,
  });
  await wait(310);
  expect(rig.proxy.traffic().circuits).toMatchObject([{ state: 'half_open' }]);
  expect((await ask(rig, rig.token)).status).toBe(502);
  expect((await ask(rig, rig.token)).status).toBe(503);
  // Another upstream is another circuit.
  await rig.routes([apiRoute(origin, { circuitBreaker })]);
  expect(rig.proxy.traffic().circuits).toEqual([]);
  const answer = ask(rig, rig.token);
  await vi.waitUntil(() => held.length === 1, PATIENCE_MS);
  held[0]?.end('ok');
  expect((await answer).status).toBe(200);
});

test('one probe at a time; its answer closes the circuit, and a client that leaves it does not', async () => {
  const port = await freePort();
  const rig = await startProxyBefore(`http://127.0.0.1:${port}`, {
    circuitBreaker: { failures: 2, openMs: 200 },
  });
  expect((await ask(rig, rig.token)).status).toBe(502);
  expect((await ask(rig, rig.token)).status).toBe(502);
  expect((await ask(rig, rig.token)).status).toBe(503);
  const { held } = await startHeld(port);
  await wait(210);
  const leaver = await rawClient(rig.port);
  leaver.send(requestHead('GET', '/api', rig.token));
  await vi.waitUntil(() => held.length === 1, PATIENCE_MS);
  expect((await ask(rig, rig.token)).status).toBe(503);
  leaver.socket.destroy();
  await rig.ended(5);
  const probe = ask(rig, rig.token);
  await vi.waitUntil(() => held.length === 2, PATIENCE_MS);
  held[1]?.end('ok');
  expect((await probe).status).toBe(200);
  expect(rig.proxy.traffic().circuits).toEqual([]);
});

test('answers that do not come in time open a circuit', async () => {
  const { origin } = await startHeld();
  const rig = await startProxyBefore(origin, {
    timeouts: { headersMs: 50 },
    circuitBreaker: { failures: 2, openMs: 60_000 },
  });
  expect((await ask(rig, rig.token)).status).toBe(504);
  expect((await ask(rig, rig.token)).status).toBe(504);
  expect((await ask(rig, rig.token)).status).toBe(503);
});

test('answers of 500 open a circuit only where the route says so', async () => {
  const upstream = await startUpstream((_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const rig = await startProxyBefore(upstream.origin, { circuitBreaker: { failures: 2 } });
  for (let i = 0; i < 4; i++) expect((await ask(rig, rig.token)).status).toBe(500);
  const circuitBreaker = { failures: 2, countServerErrors: true };
  await rig.routes([apiRoute(upstream.origin, { circuitBreaker })]);
  for (let i = 0; i < 2; i++) expect((await ask(rig, rig.token)).status).toBe(500);
  expect((await ask(rig, rig.token)).status).toBe(503);
  await rig.routes([apiRoute(upstream.origin, { circuitBreaker: { failures: 0 } })]);
  expect((await ask(rig, rig.token)).status).toBe(500);
});

test('a response that is longer than its route takes is refused, or cut where it has begun', async () => {
  const upstream = await startUpstream(({ target }, response) => {
    if (target === '/known') response.end('x'.repeat(101));
    else if (target === '/fits') response.end('x'.repeat(100));
    else {
      response.write('x'.repeat(60));
      setTimeout(() => response.end('x'.repeat(60)), 50);
    }
  });
  const rig = await startProxyBefore(upstream.origin, { maxResponseBytes: 100 });
  const client = await rawClient(rig.port);
  client.send(requestHead('GET', '/api/fits', rig.token));
  expect(await client.response()).toMatchObject({ status: 200, complete: true });
  client.send(requestHead('HEAD', '/api/known', rig.token));
  expect(await client.response('HEAD')).toMatchObject({ status: 200 });
  client.send(requestHead('GET', '/api/known', rig.token));
  expect(await client.response()).toMatchObject({
    status: 502,
    headers: { 'keyferry-error': 'response_too_large' },
  });
  client.send(requestHead('GET', '/api/streamed', rig.token));
  expect(await client.response()).toMatchObject({ status: 200, complete: false });
  expect(await client.untilClosed()).toBe('reset');
  await rig.ended(4);
  expect(rig.decisions.map(({ status, code }) => code ?? status)).toEqual([
    200,
    200,
    'response_too_large',
    'response_too_large',
  ]);
});
