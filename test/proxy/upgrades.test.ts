import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n';

/** A WebSocket upstream that knows the real key and sends back what it gets. */
async function startSockets(): Promise<{ origin: string; sockets: WebSocketServer }> {
  const server: Server = createServer((_request, response) => void response.end());
  const sockets = new WebSocketServer({
    server,
    maxPayload: 64 * 1024 * 1024,
    verifyClient: ({ req }: { req: { headers: Record<string, unknown> } }) =>
      req.headers.authorization === `Bearer ${REAL_KEY}`,
  });
  sockets.on('connection', (socket, request) => {
    if (request.url === '/close') socket.close(4321, 'because');
    if (request.url === '/terminate') socket.terminate();
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

const open = (port: number, token: string, path = '/api'): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });

test('frames of every size pass both ways, close codes too', async () => {
  const { origin } = await startSockets();
  const { port, token, decisions, ended, proxy, usage } = await startProxyBefore(origin);
  const socket = open(port, token);
  await once(socket, 'open');
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 5_000_000]) {
    const sent = randomBytes(size);
    socket.send(sent);
    const [data] = await once(socket, 'message');
    expect(sent.equals(data)).toBe(true);
  }
  expect(decisions).toEqual([]);
  expect(proxy.inFlight).toBe(1);
  socket.close(4000, 'done');
  expect((await once(socket, 'close'))[0]).toBe(4000);
  await ended(1);
  expect(decisions).toMatchObject([{ status: 101, code: undefined, secrets: ['api_key@1'] }]);
  expect(proxy.inFlight).toBe(0);
  await usage.flush();
});

test('a close of the upstream arrives with its code', async () => {
  const { origin } = await startSockets();
  const { port, token, decisions, ended } = await startProxyBefore(origin);
  const socket = open(port, token, '/api/close');
  const [code, reason] = await once(socket, 'close');
  expect([code, String(reason)]).toEqual([4321, 'because']);
  await ended(1);
  expect(decisions).toHaveLength(1);
});

test('an upstream that dies takes the client connection with it', async () => {
  const { origin } = await startSockets();
  const { port, token, decisions, ended } = await startProxyBefore(origin);
  const socket = open(port, token, '/api/terminate');
  expect((await once(socket, 'close'))[0]).toBe(1006);
  await ended(1);
  expect(decisions).toHaveLength(1);
});

test('a client that dies takes the upstream connection with it', async () => {
  const { origin, sockets } = await startSockets();
  const { port, token, ended, proxy } = await startProxyBefore(origin);
  const socket = open(port, token);
  await once(socket, 'open');
  expect(sockets.clients.size).toBe(1);
  socket.terminate();
  await eventually(() => sockets.clients.size === 0);
  await ended(1);
  expect(proxy.inFlight).toBe(0);
});

test('without a valid token there is no connection to the upstream', async () => {
  const { origin, sockets } = await startSockets();
  const { port, decisions } = await startProxyBefore(origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', 'kfc_wrong', UPGRADE));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 401, complete: true });
  expect(answer.headers).toMatchObject({
    'keyferry-error': 'client_unauthenticated',
    connection: 'close',
  });
  expect(await client.untilClosed()).toBe('end');
  expect(sockets.clients.size).toBe(0);
  expect(decisions).toHaveLength(1);
});

test.each([401, 403, 426])('a %d of the upstream is passed on', async (status) => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write(`HTTP/1.1 ${status} No\r\nContent-Length: 4\r\nX-Why: x\r\n\r\nbody`);
  });
  const { port, token, decisions, ended } = await startProxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token, UPGRADE));
  const answer = await client.response();
  expect(answer).toMatchObject({ status, body: 'body' });
  expect(answer.headers['x-why']).toBe('x');
  expect(answer.headers['keyferry-error']).toBeUndefined();
  expect(await client.untilClosed()).toBe('end');
  await ended(1);
  expect(decisions).toMatchObject([{ status, code: undefined }]);
});

test('an upstream that cannot be reached is told as for any request', async () => {
  const { port, token, decisions } = await startProxyBefore('http://127.0.0.1:1');
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token, UPGRADE));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 502, complete: true });
  expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
  expect(decisions).toHaveLength(1);
});

test('a client that leaves before the upstream switched', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token, decisions, ended, proxy } = await startProxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token, UPGRADE));
  await eventually(() => upstream.received !== '');
  client.socket.destroy();
  await ended(1);
  expect(decisions).toMatchObject([{ status: 0 }]);
  expect(proxy.inFlight).toBe(0);
  await eventually(() => upstream.connections[0]?.closed === true);
});

test('bytes sent right behind either head are not lost, nor those before a close', async () => {
  const upstream = await startRawUpstream(({ socket }, head) => {
    if (!head.startsWith('GET ')) return;
    socket.write(`${SWITCHED}early from upstream`);
  });
  const { port, token, ended } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`${requestHead('GET', '/api', token, UPGRADE)}early from client`);
  expect(await client.response()).toMatchObject({ status: 101 });
  await client.until((text) => text.includes('early from upstream'));
  await eventually(() => upstream.received.endsWith('early from client'));
  client.socket.pause();
  const last = 'x'.repeat(2_000_000);
  upstream.connections[0]?.socket.end(last);
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.socket.resume();
  expect(await client.untilClosed()).toBe('end');
  expect(client.received.length).toBe('early from upstream'.length + last.length);
  client.socket.end();
  await ended(1);
});

test('a server that closes ends its WebSockets', async () => {
  const { origin } = await startSockets();
  const { port, token, proxy, decisions } = await startProxyBefore(origin);
  const socket = open(port, token);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await proxy.close(100);
  await closed;
  expect(decisions).toHaveLength(1);
});

test('an offer of a WebSocket with a body goes on as a plain request', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`${requestHead('GET', '/api', token, [...UPGRADE, 'Content-Length: 4'])}body`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  client.send(requestHead('GET', '/api/next', token));
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(upstream.seen.map(({ target, body }) => [target, String(body)])).toEqual([
    ['/', 'body'],
    ['/next', ''],
  ]);
  expect(upstream.seen[0]?.headers.upgrade).toBeUndefined();
});

const H2C = [
  'Connection: Upgrade, HTTP2-Settings',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
];

test.each(['plain', 'TLS'])('offers of h2c go on as HTTP/1.1 (%s listener)', async (kind) => {
  const upstream = await startUpstream(({ body }, response) => void response.end(`got ${body}`));
  const authority = await makeAuthority();
  const tls = kind === 'TLS' ? await makeCertificate(authority, { ips: ['127.0.0.1'] }) : undefined;
  const { port, token, decisions } = await startProxyBefore(
    upstream.origin,
    {},
    tls === undefined ? {} : { tls },
  );
  const client = await rawClient(port, tls === undefined ? {} : { tls: { ca: authority.cert } });
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  for (let i = 0; i < 15; i++) {
    client.send(requestHead('GET', '/api', token, H2C));
    expect(await client.response()).toMatchObject({ status: 200, body: 'got ' });
    client.send(`${requestHead('POST', '/api', token, [...H2C, 'Content-Length: 4'])}body`);
    expect(await client.response()).toMatchObject({ status: 200, body: 'got body' });
    client.send(requestHead('POST', '/api', token, [...H2C, 'Transfer-Encoding: chunked']));
    client.send('4\r\nbo');
    client.send('dy\r\n0\r\n\r\n');
    expect(await client.response()).toMatchObject({ status: 200, body: 'got body' });
  }
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
  expect(decisions).toHaveLength(45);
  expect(
    upstream.seen.some(({ headers }) => 'upgrade' in headers || 'http2-settings' in headers),
  ).toBe(false);
});

test('a response that breaks off is cut on a TLS listener too', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello', () => {
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
  });
  const authority = await makeAuthority();
  const tls = await makeCertificate(authority, { ips: ['127.0.0.1'] });
  const { port, token, decisions } = await startProxyBefore(upstream.origin, {}, { tls });
  const client = await rawClient(port, { tls: { ca: authority.cert } });
  client.send(requestHead('GET', '/api', token));
  expect(await client.response()).toMatchObject({ status: 200, complete: false });
  await client.untilClosed();
  expect(decisions).toMatchObject([{ code: 'upstream_protocol_error' }]);
});
