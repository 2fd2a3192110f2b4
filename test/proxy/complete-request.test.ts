import { createHmac } from 'node:crypto';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Placements } from '../../src/core/index.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import { ask, http2Session, startHttp2Proxy } from '../support/start-http2-proxy.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const PLACEMENTS: Placements = {
  path: '/p<<secret:api_key>>',
  body: { json: { '/key': '<<secret:api_key>>' } },
  sign: {
    hmac: {
      key: '<<secret:api_key>>',
      canonical: '<<host>> <<target>> <<body>>',
      header: 'X-Sign',
    },
  },
};
const SENT = `{"a":1.0,"key":"${REAL_KEY}"}`;

const signatureOf = (text: string): string =>
  createHmac('sha256', REAL_KEY).update(text).digest('hex');

test('a request over HTTP/2 is changed and signed', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startHttp2Proxy(upstream.origin, { headers: {}, ...PLACEMENTS });
  const session = await http2Session(port);
  const head = { ':path': '/api/x', ':method': 'POST', 'content-type': 'application/json' };
  const answer = await ask(session, { ...head, 'keyferry-token': token }, '{"a":1.0}');
  expect(answer).toMatchObject({ status: 200, complete: true });
  const [seen] = upstream.seen;
  expect(seen).toMatchObject({ target: `/p${REAL_KEY}/x` });
  expect(String(seen?.body)).toBe(SENT);
  const host = upstream.origin.slice('http://'.length);
  expect(seen?.headers['x-sign']).toBe(signatureOf(`${host} /p${REAL_KEY}/x ${SENT}`));
  const refused = await ask(session, { ...head, 'keyferry-token': token }, '{"a":');
  expect(refused.status).toBe(400);
  const inPlace = { ...head, ':path': `/api/p${token}/y` };
  expect(await ask(session, inPlace, '{}')).toMatchObject({ status: 200 });
  expect(upstream.seen[1]?.target).toBe(`/p${REAL_KEY}/y`);
  expect(upstream.seen).toHaveLength(2);
});

test('an upstream on HTTP/2 gets the same', async () => {
  const server = createServer();
  const seen: string[] = [];
  server.on('stream', (stream, headers) => {
    let body = '';
    stream.on('data', (piece) => {
      body += piece;
    });
    stream.on('end', () => {
      seen.push(`${headers[':authority']} ${headers[':path']} ${body}`, `${headers['x-sign']}`);
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port: upstreamPort } = server.address() as AddressInfo;
  const rig = await startProxyBefore(`http://127.0.0.1:${upstreamPort}`, {
    headers: {},
    http2: true,
    ...PLACEMENTS,
  });
  const client = await rawClient(rig.port);
  const lines = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
  client.send(`${requestHead('POST', '/api/x', rig.token, lines)}9\r\n{"a":1.0}\r\n0\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  const text = `127.0.0.1:${upstreamPort} /p${REAL_KEY}/x ${SENT}`;
  expect(seen).toEqual([text, signatureOf(text)]);
  await rig.proxy.close(0);
});

test('a WebSocket is signed, and its path placed', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    );
  });
  const { path, sign } = PLACEMENTS;
  const rig = await startProxyBefore(upstream.origin, {
    headers: {},
    ...(path === undefined ? {} : { path }),
    ...(sign === undefined ? {} : { sign }),
  });
  const client = await rawClient(rig.port);
  client.send(
    requestHead('GET', '/api/x', rig.token, [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]),
  );
  expect(await client.response()).toMatchObject({ status: 101 });
  const host = upstream.origin.slice('http://'.length);
  expect(upstream.received).toContain(`GET /p${REAL_KEY}/x HTTP/1.1\r\n`);
  expect(upstream.received.toLowerCase()).toContain('upgrade: websocket');
  expect(upstream.received).toContain(`X-Sign: ${signatureOf(`${host} /p${REAL_KEY}/x `)}`);
});

test('pipelined requests that are gathered are answered in their order', async () => {
  const upstream = await startUpstream(
    (request, response) => void response.end(`${request.target} ${request.body}`),
  );
  const rig = await startProxyBefore(upstream.origin, {
    headers: {},
    echoScrub: 'off',
    body: { form: { key: 'x' } },
  });
  const client = await rawClient(rig.port);
  const one = (name: string, body: string): string =>
    requestHead('POST', `/api/${name}`, rig.token, [
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
    ]) + body;
  client.send(one('a', `v=${'1'.repeat(200_000)}`) + one('b', 'v=2') + one('c', ''));
  for (const expected of [/^\/a v=1+&key=x$/, /^\/b v=2&key=x$/, /^\/c key=x$/]) {
    expect((await client.response()).body).toMatch(expected);
  }
});
