import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { shareProxyBefore } from '../support/start-proxy.js';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';

const proxyBefore = shareProxyBefore();

/** An upstream that answers with these bytes, whatever is asked. */
const answering = (text: string) =>
  startRawUpstream(({ socket }) => void socket.write(text, 'latin1'));

test.each([
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n', 200],
  ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 200],
  ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
  ['DELETE', 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n', 204],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n', 304],
  ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
])('%s answered with %j has no body, and the connection goes on', async (method, text, status) => {
  const upstream = await answering(text);
  const { port, token, decisions, ended } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let count = 1; count <= 2; count++) {
    client.send(requestHead(method, '/api', token));
    const answer = await client.response(method);
    expect(answer).toMatchObject({ status, body: '' });
    expect(answer.headers['content-length']).toBe(/Content-Length: (\d+)/.exec(text)?.[1]);
    await ended(count);
  }
  expect(client.received).toBe('');
  expect(decisions.map(({ status, code }) => [status, code])).toEqual([
    [status, undefined],
    [status, undefined],
  ]);
});

test('headers pass as they came: spelling, order, duplicates, bytes above ASCII', async () => {
  const upstream = await answering(
    'HTTP/1.1 201 Very Much Created\r\nX-b: 1\r\nset-COOKIE: a=1\r\nSet-Cookie: b=2\r\nX-Latin: \xe9\xff\r\nContent-Length: 2\r\n\r\nok',
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const { statusLine, headerLines } = await client.response();
  expect(statusLine).toBe('HTTP/1.1 201 Very Much Created');
  expect(headerLines.slice(0, 5)).toEqual([
    'X-b: 1',
    'set-COOKIE: a=1',
    'Set-Cookie: b=2',
    'X-Latin: \xe9\xff',
    'Content-Length: 2',
  ]);
});

test('hop-by-hop headers, and those that Connection names, stay on their hop', async () => {
  const upstream = await answering(
    [
      'HTTP/1.1 200 OK',
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=99',
      'Proxy-Authenticate: Basic',
      'Proxy-Connection: keep-alive',
      'Upgrade: h2c',
      'Trailer: X-T',
      'X-End: 1',
      'Content-Length: 2',
      '\r\nok',
    ].join('\r\n'),
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const { headers } = await client.response();
  expect(Object.keys(headers).sort()).toEqual(
    ['connection', 'content-length', 'keep-alive', 'x-end', 'x-request-id'].sort(),
  );
  expect(headers.connection).toBe('keep-alive');
  expect(headers['keep-alive']).not.toBe('timeout=99');
});

test('response trailers pass, without those that frame or route', async () => {
  const upstream = await answering(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: abc\r\nConnection: close\r\nKeyferry-Error: forged\r\n\r\n',
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const { body, trailers } = await client.response();
  expect(body).toBe('ok');
  expect(trailers).toEqual({ 'x-checksum': 'abc' });
});

test('an event stream passes event by event, its head before any of them', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  await client.until((text) => text.includes('\r\n\r\n'));
  expect(client.received).not.toContain('data:');
  const socket = upstream.connections[0]?.socket;
  socket?.write('d\r\ndata: first\n\n\r\n');
  await client.until((text) => text.includes('data: first'));
  socket?.write('e\r\ndata: second\n\n\r\n');
  await client.until((text) => text.includes('data: second'));
  socket?.write('0\r\n\r\n');
  expect(await client.response()).toMatchObject({
    status: 200,
    body: 'data: first\n\ndata: second\n\n',
    complete: true,
  });
});

test.each([100, 102, 103])('an interim %d of the upstream is for its hop', async (interim) => {
  const upstream = await answering(
    `HTTP/1.1 ${interim} Interim\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  // undici takes a 100 that nobody asked for as a broken response.
  expect(answer.status).toBe(interim === 100 ? 502 : 200);
  expect(client.received).toBe('');
});

test('a response that ends with its connection is passed on whole', async () => {
  const upstream = await startRawUpstream(
    ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'),
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  expect(await client.response()).toMatchObject({ body: 'all of it', complete: true });
});

test.each([301, 302, 303, 307, 308])('a %d is passed on, never followed', async (status) => {
  const other = await startUpstream((_request, response) => void response.end());
  const upstream = await startUpstream((_request, response) =>
    sendAnswer(response, { status, headers: { location: `${other.origin}/x` } }),
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`${requestHead('POST', '/api', token, ['Content-Length: 2'])}hi`);
  const answer = await client.response();
  expect(answer.status).toBe(status);
  expect(answer.headers.location).toBe(`${other.origin}/x`);
  expect(other.connections).toBe(0);
  expect(upstream.seen).toHaveLength(1);
});

test('a slow reader slows the upstream down, and still gets every byte', async () => {
  const length = 64 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-length': length });
    const pump = (): void => {
      while (sent < length) {
        sent += piece.length;
        if (!response.write(piece)) return;
      }
      response.end();
    };
    response.on('drain', pump);
    pump();
  });
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.socket.pause();
  client.send(requestHead('GET', '/api', token));
  let before = -1;
  while (sent === 0 || before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(sent).toBeLessThan(24 * 1024 * 1024);
  client.socket.removeAllListeners('data');
  let received = 0;
  client.socket.on('data', (data) => {
    received += data.length;
  });
  client.socket.resume();
  await eventually(() => received > length);
});

test('an error of the upstream passes untouched, and is not taken for one of Keyferry', async () => {
  const upstream = await answering(
    'HTTP/1.1 500 Oops\r\nKeyferry-Error: secret_missing\r\nKEYFERRY_Token: x\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody',
  );
  const { port, token, decisions } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ statusLine: 'HTTP/1.1 500 Oops', body: 'body' });
  expect(answer.headers['content-type']).toBe('text/x');
  expect(Object.keys(answer.headers).filter((name) => /keyferry/i.test(name))).toEqual([]);
  expect(decisions).toMatchObject([{ status: 500, code: undefined }]);
});

test('a client of HTTP/1.0 gets an answer without chunks, ended by the connection', async () => {
  const upstream = await answering(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  );
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`GET /api HTTP/1.0\r\nKeyferry-Token: ${token}\r\n\r\n`);
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 200, body: 'hello', complete: true });
  expect(answer.headers['transfer-encoding']).toBeUndefined();
  expect(answer.headers.connection).toBe('close');
});

test('a client of HTTP/1.0 may keep its connection', async () => {
  const upstream = await answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let i = 0; i < 2; i++) {
    client.send(`GET /api HTTP/1.0\r\nConnection: keep-alive\r\nKeyferry-Token: ${token}\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  }
});
