import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { requestHead } from '../support/raw-client.js';
import { type ServedKeyferry, serveKeyferry } from '../support/serve-process.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';

/** Together 2,000; readers are fewer, because filling the kernel's buffers for them is work of its own. */
const HEADS = 950;
const BODIES = 950;
const READERS = 100;
const PER_SECOND = 200;
const LOAD_MS = 6000;
/** Who waits longer counts as not served. */
const SERVED_WITHIN_MS = 10_000;
const MIB = 1024 * 1024;

/** `/huge` is more than the kernel's buffers hold; what is neither it nor `/big` is `ok`, once its body is here. */
async function startUpstream(): Promise<string> {
  const huge = Buffer.alloc(64 * MIB, 'x');
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'application/octet-stream');
    if (request.url === '/huge') response.end(huge);
    else if (request.url === '/big') response.end(huge.subarray(0, 6 * MIB));
    else request.on('end', () => response.end('ok'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(flags: readonly string[]): Promise<{ server: ServedKeyferry; token: string }> {
  const upstream = await startUpstream();
  const server = await serveKeyferry({ flags: ['--log-level', 'error', ...flags] });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    environments: { production: { upstream, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  return { server, token: await server.client('production') };
}

/** Opens connections that send this, and then what `trickle` says, a piece every second. */
async function openSlow(
  port: number,
  count: number,
  first: string,
  trickle: string | undefined,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(100, count - sockets.length) }, () =>
      connect({ port, host: '127.0.0.1' }),
    );
    for (const socket of batch) {
      socket.on('error', () => undefined);
      socket.pause();
    }
    await Promise.all(batch.map((one) => new Promise((resolve) => one.once('connect', resolve))));
    for (const socket of batch) socket.write(first);
    sockets.push(...batch);
  }
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (trickle !== undefined && socket.writable) socket.write(trickle);
    }
  }, 1000);
  onTestFinished(() => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

function metric(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

test(
  `${HEADS + BODIES + READERS} connections that send heads and bodies and read responses slowly: others are served`,
  async () => {
    const { server, token } = await start(['--headers-timeout-ms', '3000']);
    const port = Number(new URL(server.proxyUrl).port);
    const head = requestHead('POST', '/api/x', token, ['Content-Length: 100000']);
    await openSlow(port, HEADS, head.slice(0, 40), 'a');
    await openSlow(port, BODIES, `${head}a`, 'a');
    await openSlow(port, READERS, requestHead('GET', '/api/big', token), undefined);
    const metrics = async () => (await fetch(`${server.adminUrl}/metrics`)).text();

    const agent = keepAlive(64);
    const options = { agent, headers: { 'keyferry-token': token } };
    // The kernel's buffers are filled first: that is work, and not slow.
    for (let tookMs = Infinity; tookMs > 500; ) {
      const startedAt = performance.now();
      await send(`${server.proxyUrl}/api/x`, options);
      tookMs = performance.now() - startedAt;
    }
    const load = startLoad(PER_SECOND, async () => {
      const startedAt = performance.now();
      const { status, body } = await send(`${server.proxyUrl}/api/x`, options);
      if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
      if (performance.now() - startedAt > SERVED_WITHIN_MS) throw new Error('too late');
    });
    const startedAt = performance.now();
    await vi.waitUntil(() => performance.now() - startedAt > LOAD_MS, { timeout: LOAD_MS * 2 });
    // Those who sent no whole head are gone; who sends and reads little by little is let be.
    const during = await metrics();
    expect(metric(during, 'keyferry_requests_in_flight')).toBeGreaterThanOrEqual(BODIES);
    expect(metric(during, 'keyferry_connections')).toBeLessThan(BODIES + READERS + 100);
    const { sent, failures } = await load.stop();
    agent.destroy();
    expect(sent).toBeGreaterThan(PER_SECOND);
    expect(failures.length, failures.slice(0, 3).join('\n')).toBeLessThanOrEqual(sent / 1000);
  },
  LOAD_MS * 3 + 30_000,
);

test('who takes nothing of a response, or sends no more of a body, is cut off; others are not', async () => {
  const { server, token } = await start(['--response-idle-ms', '2000', '--body-idle-ms', '2000']);
  const port = Number(new URL(server.proxyUrl).port);
  const readers = await openSlow(port, 20, requestHead('GET', '/api/huge', token), undefined);
  const head = requestHead('POST', '/api/x', token, ['Content-Length: 1000']);
  await openSlow(port, 20, `${head}a`, undefined);
  // Takes a little of it again and again: slow, but not stalled.
  const [slow] = await openSlow(port, 1, requestHead('GET', '/api/huge', token), undefined);
  const sip = setInterval(() => slow?.read(), 50);
  onTestFinished(() => clearInterval(sip));
  const text = async () => (await fetch(`${server.adminUrl}/metrics`)).text();
  await vi.waitUntil(async () => metric(await text(), 'keyferry_stalled_readers_total') === 20, {
    timeout: 20_000,
    interval: 200,
  });
  await vi.waitUntil(async () => metric(await text(), 'keyferry_requests_in_flight') === 1, {
    timeout: 20_000,
    interval: 200,
  });
  const timedOut = 'keyferry_requests_total\\{route="api",environment="production",status="\\d+"';
  expect(metric(await text(), `${timedOut},code="request_timeout"\\}`)).toBe(40);
  expect(slow?.destroyed).toBe(false);
  expect(readers).toHaveLength(20);
}, 60_000);
