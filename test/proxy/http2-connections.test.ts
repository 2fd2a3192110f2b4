import { type ClientHttp2Session, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { Client as UndiciClient } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import {
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  http2Wire,
  requestFields,
} from '../support/http2-wire.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually } from '../support/raw-upstream.js';
import { isInstalled, runProgram } from '../support/run-program.js';
import { ask, http2Session, startHttp2Proxy, TEST_CA } from '../support/start-http2-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

async function start() {
  const upstream = await startUpstream(
    ({ body }, response) => void response.end(`ok ${body.length}`),
  );
  return { ...(await startHttp2Proxy(upstream.origin)), upstream };
}

it('a drain is announced, takes what is on its way, and ends when all is answered', async () => {
  const held: (() => void)[] = [];
  const upstream = await startUpstream(
    (_request, response) =>
      new Promise<void>((resolve) => {
        held.push(() => {
          response.end('held');
          resolve();
        });
      }),
  );
  const { port, token, proxy } = await startHttp2Proxy(upstream.origin);
  const session = await http2Session(port);
  const head = { ':path': '/api/x', 'keyferry-token': token };
  const first = ask(session, head);
  await eventually(() => held.length === 1);
  // Node's client sends nothing more after any GOAWAY: what came first shows the announcement.
  const goaways: (readonly [code: number, last: number])[] = [];
  session.on('goaway', (code, last) => goaways.push([code, last]));
  const closing = proxy.close(20_000);
  await eventually(() => goaways.length > 0);
  expect(goaways[0]).toEqual([constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1]);
  held[0]?.();
  expect(await first).toMatchObject({ status: 200, body: 'held', complete: true });
  await closing;
  await eventually(() => session.destroyed);
});

it('what is still under way at the end of a drain is reset', async () => {
  const upstream = await startUpstream(() => new Promise(() => undefined));
  const { port, token, proxy } = await startHttp2Proxy(upstream.origin);
  const session = await http2Session(port);
  const first = ask(session, { ':path': '/api/x', 'keyferry-token': token });
  await eventually(() => upstream.seen.length === 1);
  await proxy.close(100);
  expect(await first).toMatchObject({ status: 0, complete: false });
  expect(proxy.inFlight).toBe(0);
});

it('a connection that broke the protocol does not hold up the end', async () => {
  const upstream = await startUpstream(() => new Promise(() => undefined));
  const { port, token, proxy } = await startHttp2Proxy(upstream.origin);
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [['keyferry-token', token]]);
  wire.send(frame(FrameType.headers, END_STREAM | END_HEADERS, 1, head));
  await eventually(() => upstream.seen.length === 1);
  // Longer than any frame may be: from here on nghttp2 is silent.
  wire.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await wire.frame(({ type }) => type === FrameType.goaway);
  wire.socket.destroy();
  await proxy.close(0);
  expect(proxy.inFlight).toBe(0);
});

it('HTTP/1.1 is spoken beside HTTP/2, by ALPN and without it', async () => {
  const { port, token, upstream } = await start();
  for (const ALPNProtocols of [['http/1.1'], undefined]) {
    const tls = { ca: TEST_CA, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) };
    const client = await rawClient(port, { tls });
    for (let i = 0; i < 2; i++) {
      client.send(requestHead('GET', '/api/x', token));
      expect(await client.response()).toMatchObject({ status: 200, body: 'ok 0' });
    }
    client.send('GET /api/x HTTP/1.1\r\nbroken\r\n\r\n');
    const refused = await client.response();
    expect(refused.headers['keyferry-error']).toBe('request_rejected');
  }
  const socket = connectTls({ port, host: '127.0.0.1', ca: TEST_CA, ALPNProtocols: ['spdy/3'] });
  const code = await new Promise((resolve) =>
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
  );
  expect(code).toMatch(/NO_APPLICATION_PROTOCOL/);
  expect(upstream.seen).toHaveLength(4);
});

it('a client that waits for 100 is told to continue, or answered', async () => {
  const { port, token } = await start();
  const session = await http2Session(port);
  const send = (headers: Record<string, string>) =>
    session.request({ ':path': '/api/x', ':method': 'POST', expect: '100-continue', ...headers });
  const taken = send({ 'keyferry-token': token });
  taken.on('continue', () => taken.end('body'));
  let body = '';
  taken.on('data', (piece: Buffer) => {
    body += piece;
  });
  await new Promise((resolve) => taken.on('close', resolve));
  expect(body).toBe('ok 4');
  const refused = send({});
  let continued = false;
  refused.on('continue', () => {
    continued = true;
  });
  const status = await new Promise((resolve) =>
    refused.on('response', (head) => resolve(head[':status'])),
  );
  expect([status, continued]).toEqual([401, false]);
  refused.resume();
});

it('an answer that comes before the body has ended is whole, and the connection goes on', async () => {
  const { port, token } = await start();
  const session: ClientHttp2Session = await http2Session(port);
  const stream = session.request({ ':path': '/api/x', ':method': 'POST' });
  stream.on('error', () => undefined);
  stream.write(Buffer.alloc(100_000));
  let body = '';
  stream.on('data', (piece: Buffer) => {
    body += piece;
  });
  await new Promise((resolve) => stream.on('close', resolve));
  expect(JSON.parse(body)).toMatchObject({ code: 'client_unauthenticated' });
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  const next = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
  expect(next.status).toBe(200);
});

it('500 requests at once on one connection are each answered with their own', async () => {
  const upstream = await startUpstream(({ target }, response) => void response.end(target));
  const { port, token } = await startHttp2Proxy(
    upstream.origin,
    {},
    {
      limits: { maxStreamsPerConnection: 1000 },
    },
  );
  const session = await http2Session(port);
  await Promise.all(
    Array.from({ length: 500 }, async (_, index) => {
      const answer = await ask(session, { ':path': `/api/${index}`, 'keyferry-token': token });
      expect(answer).toMatchObject({ status: 200, body: `/${index}`, complete: true });
    }),
  );
});

it("undici's client speaks it", async () => {
  const { port, token } = await start();
  const client = new UndiciClient(`https://127.0.0.1:${port}`, {
    allowH2: true,
    connect: { ca: TEST_CA },
  });
  onTestFinished(() => client.destroy());
  const headers = { 'keyferry-token': token };
  const { statusCode, body } = await client.request({
    method: 'POST',
    path: '/api/x',
    headers,
    body: 'four',
  });
  expect([statusCode, await body.text()]).toEqual([200, 'ok 4']);
});

it.skipIf(!isInstalled('curl'))('curl speaks it, with a body and its own answer', async () => {
  const { port, token } = await start();
  const { stdout } = await runProgram('curl', [
    ...['-q', '-sS', '-k', '--http2', '-H', `Keyferry-Token: ${token}`, '-d', 'a=b'],
    ...['-w', ' %{http_code} %{http_version}', `https://127.0.0.1:${port}/api/x`],
  ]);
  expect(stdout).toBe('ok 3 200 2');
});
