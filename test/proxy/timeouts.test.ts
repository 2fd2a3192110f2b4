import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test.each([
  ['nothing', ''],
  ['half a request line', 'GET /api HT'],
  ['half a head', 'GET /api HTTP/1.1\r\nHost: a\r\n'],
])('a connection that sends %s in time is told so and closed', async (_name, text) => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, decisions } = await startProxyBefore(
    upstream.origin,
    {},
    {
      limits: { headersTimeoutMs: 200 },
    },
  );
  const client = await rawClient(port);
  if (text !== '') client.send(text);
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 408, complete: true });
  expect(answer.headers).toMatchObject({
    'keyferry-error': 'request_timeout',
    connection: 'close',
  });
  await client.untilClosed();
  expect(decisions).toMatchObject([{ status: 408, code: 'request_timeout' }]);
});

test.each([
  ['Content-Length: 100', 'begun'],
  ['Transfer-Encoding: chunked', '5\r\nbegun\r\n'],
])(
  'a body (%s) that stalls is answered 408, and never completed at the upstream',
  async (framing, text) => {
    const upstream = await startRawUpstream(() => undefined);
    const { port, token, decisions, ended } = await startProxyBefore(
      upstream.origin,
      {},
      { limits: { bodyIdleMs: 150 } },
    );
    const client = await rawClient(port);
    client.send(requestHead('POST', '/api', token, [framing]));
    client.send(text);
    await eventually(() => upstream.received.includes('begun'));
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 408, complete: true });
    expect(answer.headers).toMatchObject({
      'keyferry-error': 'request_timeout',
      connection: 'close',
    });
    await client.untilClosed();
    await ended(1);
    expect(decisions).toMatchObject([{ status: 408, code: 'request_timeout' }]);
    await eventually(() => upstream.connections[0]?.closed === true);
    expect(upstream.received).not.toMatch(/\r\n0\r\n\r\n$/);
  },
);

test('a body that keeps coming is not cut, however long it takes', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(
    upstream.origin,
    {},
    { limits: { bodyIdleMs: 200 } },
  );
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Content-Length: 8']));
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    client.send('x');
  }
  expect(await client.response()).toMatchObject({ status: 200 });
});

test('waiting for the answer is not the stall of a body', async () => {
  const upstream = await startUpstream((_request, response) => {
    setTimeout(() => response.end('ok'), 500);
  });
  const { port, token } = await startProxyBefore(
    upstream.origin,
    {},
    { limits: { bodyIdleMs: 100 } },
  );
  const client = await rawClient(port);
  client.send(`${requestHead('POST', '/api', token, ['Content-Length: 2'])}hi`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  client.send(requestHead('GET', '/api', token));
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
});

test('an upstream that does not take the body is not blamed on the client', async () => {
  const upstream = await startRawUpstream(({ socket }) => void socket.pause());
  const { port, token } = await startProxyBefore(
    upstream.origin,
    { timeouts: { headersMs: 1000 } },
    { limits: { bodyIdleMs: 150 } },
  );
  const client = await rawClient(port);
  const length = 40_000_000;
  client.send(requestHead('POST', '/api', token, [`Content-Length: ${length}`]));
  client.send('x'.repeat(length));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 504 });
  expect(answer.headers['keyferry-error']).toBe('upstream_timeout');
});

test('a body that is silent while its answer is streamed goes on', async () => {
  const upstream = await startRawUpstream(({ socket }, head) => {
    if (!head.startsWith('POST ')) return;
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nearly\n\r\n');
  });
  const { port, token } = await startProxyBefore(
    upstream.origin,
    {},
    { limits: { bodyIdleMs: 5000 } },
  );
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Transfer-Encoding: chunked']));
  // undici sends the head together with the first piece of the body.
  client.send('5\r\nfirst\r\n');
  await client.until((text) => text.includes('early'));
  client.send('4\r\nlate\r\n0\r\n\r\n');
  await eventually(() => upstream.received.includes('late'));
  await eventually(() => upstream.received.endsWith('0\r\n\r\n'));
  upstream.connections[0]?.socket.write('0\r\n\r\n');
  expect(await client.response()).toMatchObject({ status: 200, body: 'early\n', complete: true });
});

test('Expect: 100-continue is answered once the request is known to be wanted', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  const expectation = ['Content-Length: 2', 'Expect: 100-Continue'];
  client.send(requestHead('POST', '/api', token, expectation));
  expect(await client.response()).toMatchObject({ status: 100 });
  client.send('hi');
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(upstream.seen[0]?.headers.expect).toBeUndefined();

  client.send(requestHead('POST', '/api', 'kfc_wrong', expectation));
  const refused = await client.response();
  // Not taken for a 100, and what follows cannot be told apart from the body: the connection ends.
  expect(refused).toMatchObject({ status: 401 });
  expect(refused.headers.connection).toBe('close');
  await client.untilClosed();
  expect(upstream.seen).toHaveLength(1);
});

test('Expect: 100-continue of HTTP/1.0 is not answered', async () => {
  const upstream = await startRawUpstream(({ socket }) => void socket.write(OK));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(
    `POST /api HTTP/1.0\r\nKeyferry-Token: ${token}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`,
  );
  expect(await client.response()).toMatchObject({ status: 200 });
});

test.each(['200-ok', '100-continue, x', 'x'])('Expect: %s is refused', async (value) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, ['Content-Length: 2', `Expect: ${value}`]));
  expect(await client.response()).toMatchObject({ status: 400 });
  expect(upstream.connections).toBe(0);
});
