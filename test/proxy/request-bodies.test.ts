import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { shareProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const proxyBefore = shareProxyBefore();

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY'];
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test.each(METHODS)('%s passes without a body, with a length, and chunked', async (method) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead(method, '/api/none', token));
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  client.send(`${requestHead(method, '/api/length', token, ['Content-Length: 5'])}hello`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  client.send(requestHead(method, '/api/chunked', token, ['Transfer-Encoding: chunked']));
  client.send('3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nX-Trailer: dropped\r\n\r\n');
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(
    upstream.seen.map(({ method: seen, target, body }) => [seen, target, String(body)]),
  ).toEqual([
    [method, '/none', ''],
    [method, '/length', 'hello'],
    [method, '/chunked', 'hello'],
  ]);
});

test('an explicit empty body stays one', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Content-Length: 0']));
  expect(await client.response()).toMatchObject({ status: 200 });
  client.send(`${requestHead('POST', '/api', token, ['Transfer-Encoding: chunked'])}0\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(upstream.seen.map(({ body }) => String(body))).toEqual(['', '']);
});

test('a body arrives while it is still being sent', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Transfer-Encoding: chunked']));
  client.send('5\r\nfirst\r\n');
  await eventually(() => upstream.received.includes('first'));
  client.send('4\r\nlast\r\n0\r\n\r\n');
  await eventually(() => upstream.received.endsWith('0\r\n\r\n'));
  upstream.connections[0]?.socket.write(OK);
  expect(await client.response()).toMatchObject({ status: 200 });
});

test('an upstream that stops reading stalls the upload', async () => {
  const upstream = await startRawUpstream((connection) => void connection.socket.pause());
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  const length = 64 * 1024 * 1024;
  client.send(requestHead('POST', '/api', token, [`Content-Length: ${length}`]));
  const piece = 'x'.repeat(64 * 1024);
  let sent = 0;
  let stalledAt = -1;
  const pump = (): void => {
    while (sent < length) {
      sent += piece.length;
      if (!client.socket.write(piece)) return;
    }
  };
  client.socket.on('drain', pump);
  pump();
  while (stalledAt !== sent) {
    stalledAt = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // What kernel buffers of two connections hold, and a little more.
  expect(sent).toBeLessThan(24 * 1024 * 1024);
  upstream.connections[0]?.socket.resume();
  await eventually(() => upstream.received.length > length);
  upstream.connections[0]?.socket.write(OK);
  expect(await client.response()).toMatchObject({ status: 200 });
});

test('a body longer than the route takes is refused before anything is sent', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await proxyBefore(upstream.origin, { maxRequestBytes: 10 });
  const client = await rawClient(port);
  client.send(`${requestHead('POST', '/api', token, ['Content-Length: 11'])}01234567890`);
  const refused = await client.response();
  expect(refused).toMatchObject({ status: 413 });
  expect(refused.headers['keyferry-error']).toBe('request_too_large');
  expect(upstream.connections).toBe(0);
  // The body is not taken for the next request.
  client.send(`${requestHead('POST', '/api', token, ['Content-Length: 10'])}0123456789`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(upstream.seen).toHaveLength(1);
});

test('a chunked body is refused as soon as it is longer than the route takes', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token, decisions } = await proxyBefore(upstream.origin, {
    maxRequestBytes: 10,
  });
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Transfer-Encoding: chunked']));
  client.send('5\r\n01234\r\n');
  await eventually(() => upstream.received.includes('01234'));
  client.send('6\r\n567890\r\n');
  const refused = await client.response();
  expect(refused).toMatchObject({ status: 413 });
  expect(refused.headers['keyferry-error']).toBe('request_too_large');
  await eventually(() => upstream.connections[0]?.closed === true);
  expect(upstream.received).not.toContain('567890');
  expect(upstream.received).not.toMatch(/\r\n0\r\n\r\n$/);
  client.send(`5\r\nGET /\r\n0\r\n\r\n${requestHead('GET', '/none', token)}`);
  expect(await client.response()).toMatchObject({ status: 404 });
  expect(decisions.map(({ code }) => code)).toEqual(['request_too_large', 'route_not_found']);
});

test.each([
  ['no token', '/api', 'wrong', 401],
  ['no route', '/none', undefined, 404],
])(
  'a refusal (%s) while the body is on its way reaches the client, and the connection goes on',
  async (_name, target, wrong, status) => {
    const upstream = await startUpstream((_request, response) => void response.end('ok'));
    const { port, token } = await proxyBefore(upstream.origin);
    const client = await rawClient(port);
    const body = requestHead('GET', '/api/smuggled', token).padEnd(3_000_000, 'x');
    client.send(requestHead('POST', target, wrong ?? token, [`Content-Length: ${body.length}`]));
    client.send(body);
    expect(await client.response()).toMatchObject({ status });
    client.send(requestHead('GET', '/api/next', token));
    expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
    expect(upstream.seen.map((seen) => seen.target)).toEqual(['/next']);
  },
);

test('an answer that comes before the body was read reaches the client, and the connection goes on', async () => {
  const upstream = await startRawUpstream(({ socket }) => void socket.write(OK));
  const { port, token, decisions, ended } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  const length = 3_000_000;
  client.send(requestHead('POST', '/api', token, [`Content-Length: ${length}`]));
  client.send('x'.repeat(1000));
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok', complete: true });
  client.send('x'.repeat(length - 1000));
  client.send(requestHead('GET', '/api', token));
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  await ended(2);
  expect(decisions.map(({ status, code }) => [status, code])).toEqual([
    [200, undefined],
    [200, undefined],
  ]);
});

test.each([
  ['of the upstream', 200, true],
  ['of Keyferry itself', 502, false],
])(
  'an early answer %s is whole, though it is the last on its connection',
  async (_whose, status, isUp) => {
    const text = 'y'.repeat(50_000);
    const upstream = await startRawUpstream(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
    const origin = isUp ? upstream.origin : 'http://127.0.0.1:1';
    const { port, token, proxy, ended } = await proxyBefore(origin);
    const client = await rawClient(port);
    const length = 3_000_000;
    const head = ['Connection: close', `Content-Length: ${length}`];
    client.socket.pause();
    client.send(requestHead('POST', '/api', token, head)).send('x'.repeat(1000));
    await ended(1);
    // Were the connection closed by now, what follows would be answered with a reset, and the answer be lost.
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.send('x'.repeat(200_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.resume();
    const answer = await client.response();
    expect([answer.status, answer.complete]).toEqual([status, true]);
    if (isUp) expect(answer.body).toBe(text);
    expect(await client.untilClosed()).toBe('end');
    expect(proxy.traffic().connections).toBe(1);
    client.send('x'.repeat(length - 201_000));
    await eventually(() => proxy.traffic().connections === 0);
  },
);

test('an upstream that dies during the upload gives a 502 that the client can read', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Content-Length: 100000']));
  client.send('begun');
  await eventually(() => upstream.received.includes('begun'));
  upstream.connections[0]?.socket.resetAndDestroy();
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 502 });
  expect(answer.headers['keyferry-error']).toBe('upstream_protocol_error');
  client.send('x'.repeat(100_000 - 5));
  client.send(requestHead('GET', '/none', token));
  expect(await client.response()).toMatchObject({ status: 404 });
});

test('an upload to an upstream that refuses connections gives a 502 that the client can read', async () => {
  const { port, token } = await proxyBefore('http://127.0.0.1:1');
  const client = await rawClient(port);
  for (const framing of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
    client.send(requestHead('POST', '/api', token, [framing]));
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
    client.send(framing.includes('chunked') ? '3\r\nabc\r\n0\r\n\r\n' : 'x'.repeat(100_000));
  }
  client.send(requestHead('GET', '/none', token));
  expect(await client.response()).toMatchObject({ status: 404 });
});

test('a client that leaves during its upload takes the upstream request with it', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token, decisions, ended } = await proxyBefore(upstream.origin);
  for (const [index, framing] of [
    'Content-Length: 100000',
    'Transfer-Encoding: chunked',
  ].entries()) {
    const client = await rawClient(port);
    client.send(requestHead('POST', '/api', token, [framing]));
    client.send('5\r\nbegun\r\n');
    // After an abort undici connects anew, in advance: the last connection may carry nothing.
    const carrying = () => upstream.connections.filter(({ received }) => received !== '').at(-1);
    await eventually(() => carrying()?.received.includes('begun') === true);
    client.socket.destroy();
    await eventually(() => carrying()?.closed === true);
    await ended(index + 1);
    expect(upstream.received).not.toMatch(/\r\n0\r\n\r\n$/);
  }
  expect(decisions.map(({ status }) => status)).toEqual([0, 0]);
});

test('a body that is not valid chunks is refused, and never completed at the upstream', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token, decisions } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Transfer-Encoding: chunked']));
  client.send('5\r\nbegun\r\n');
  await eventually(() => upstream.received.includes('begun'));
  client.send('nonsense\r\n');
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 400 });
  expect(answer.headers['keyferry-error']).toBe('request_rejected');
  await client.untilClosed();
  await eventually(() => upstream.connections[0]?.closed === true);
  expect(upstream.received).not.toMatch(/\r\n0\r\n\r\n$/);
  expect(decisions.map(({ code }) => code)).toEqual(['request_rejected']);
});
