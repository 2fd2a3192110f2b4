import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { type RawConnection, startRawUpstream } from '../support/raw-upstream.js';
import { shareProxyBefore, startProxyBefore } from '../support/start-proxy.js';

const proxyBefore = shareProxyBefore();

const TIMEOUTS = { timeouts: { connectMs: 300, headersMs: 300, idleMs: 300 } };

const fault = (text: string, how: 'end' | 'reset' | 'stay') => (connection: RawConnection) => {
  const { socket } = connection;
  socket.write(text, 'latin1', () => {
    if (how === 'end') socket.end();
    else if (how === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
  });
};
/** The fault comes after the client has the first part: libuv reports data and a reset at once as an end. */
const later =
  (text: string, rest: string) =>
  ({ socket }: RawConnection) => {
    socket.write(text, 'latin1');
    setTimeout(() => socket.write(rest, 'latin1'), 30);
  };
const noRoom = `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(40_000)}\r\nContent-Length: 2\r\n\r\nok`;

test.each([
  ['closes without an answer', fault('', 'end'), 'upstream_protocol_error', 502],
  ['resets without an answer', fault('', 'reset'), 'upstream_protocol_error', 502],
  [
    'closes within the head',
    fault('HTTP/1.1 200 OK\r\nConte', 'end'),
    'upstream_protocol_error',
    502,
  ],
  [
    'resets within the head',
    fault('HTTP/1.1 200 OK\r\nConte', 'reset'),
    'upstream_protocol_error',
    502,
  ],
  ['speaks no HTTP', fault('SSH-2.0-OpenSSH_9.2\r\n', 'stay'), 'upstream_protocol_error', 502],
  ['sends a head without end', fault(noRoom, 'stay'), 'upstream_protocol_error', 502],
  [
    'sends two lengths',
    fault('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a length that is no number',
    fault('HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends length and chunks',
    fault(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'stay',
    ),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a coding other than chunked',
    fault('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok', 'end'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a coding under the chunks',
    fault(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'stay',
    ),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a control in a header',
    fault('HTTP/1.1 200 OK\r\nX-Bad: a\x01b\r\nContent-Length: 2\r\n\r\nok', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a NUL in a header',
    fault('HTTP/1.1 200 OK\r\nX-Bad: a\x00b\r\nContent-Length: 2\r\n\r\nok', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a line of its own in a header',
    fault('HTTP/1.1 200 OK\r\nX-Bad: a\rb\r\nContent-Length: 2\r\n\r\nok', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'sends a header name with a space',
    fault('HTTP/1.1 200 OK\r\nX Bad: a\r\nContent-Length: 2\r\n\r\nok', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  [
    'switches protocols unasked',
    fault('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'stay'),
    'upstream_protocol_error',
    502,
  ],
  ['sends no head in time', fault('', 'stay'), 'upstream_timeout', 504],
  ['sends half a head in time', fault('HTTP/1.1 200 OK\r\nX-', 'stay'), 'upstream_timeout', 504],
])('an upstream that %s', async (_name, onHead, code, status) => {
  const upstream = await startRawUpstream(onHead);
  const { port, token, decisions } = await proxyBefore(upstream.origin, TIMEOUTS);
  const client = await rawClient(port);
  client.send(`${requestHead('POST', '/api', token, ['Content-Length: 4'])}once`);
  const answer = await client.response();
  expect(answer).toMatchObject({ status, complete: true });
  expect(answer.headers['keyferry-error']).toBe(code);
  expect(JSON.parse(answer.body)).toMatchObject({ code, status });
  if (status === 504) expect(answer.body).toContain('headersMs');
  expect(decisions).toMatchObject([{ status, code, secrets: ['api_key@1'] }]);
  // Never sent twice.
  expect(upstream.received.match(/POST/g)).toHaveLength(1);
  // The client's connection outlives it.
  client.send(requestHead('GET', '/none', token));
  expect(await client.response()).toMatchObject({ status: 404 });
});

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello';

test.each([
  ['chunks, end', fault(CHUNKED, 'end')],
  ['chunks, reset', fault(CHUNKED, 'reset')],
  ['chunks, silence', fault(CHUNKED, 'stay')],
  [
    'chunks, Connection: close, end',
    fault(CHUNKED.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'end'),
  ],
  [
    'chunks, Connection: close, reset',
    fault(CHUNKED.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'reset'),
  ],
  ['within a chunk, end', fault(CHUNKED.slice(0, -4), 'end')],
  ['bad chunk size', later(CHUNKED, 'zz\r\n')],
  ['no line end after a chunk', later(CHUNKED.slice(0, -2), 'xx')],
  ['within the trailers, end', fault(`${CHUNKED}0\r\nX-T: 1`, 'end')],
  ['control in a trailer', later(CHUNKED, '0\r\nX-T: a\x01b\r\n\r\n')],
  ['a length among the trailers', later(CHUNKED, '0\r\nContent-Length: 9\r\n\r\n')],
  ['length, end', fault(LENGTH, 'end')],
  ['length, reset', fault(LENGTH, 'reset')],
  ['length, silence', fault(LENGTH, 'stay')],
  [
    'length, Connection: close, end',
    fault(LENGTH.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'end'),
  ],
  [
    'length, Connection: close, reset',
    fault(LENGTH.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'reset'),
  ],
  ['until the end, reset', fault('HTTP/1.1 200 OK\r\n\r\nhello', 'reset')],
  ['until the end, silence', fault('HTTP/1.1 200 OK\r\n\r\nhello', 'stay')],
  ['HTTP/1.0 until the end, reset', fault('HTTP/1.0 200 OK\r\n\r\nhello', 'reset')],
])('a response that breaks off (%s) is cut, never ended cleanly', async (_name, onHead) => {
  const upstream = await startRawUpstream(onHead);
  const { port, token, decisions, ended } = await proxyBefore(upstream.origin, TIMEOUTS);
  for (const version of ['1.1', '1.0']) {
    decisions.length = 0;
    const client = await rawClient(port);
    client.send(`GET /api HTTP/${version}\r\nHost: a\r\nKeyferry-Token: ${token}\r\n\r\n`);
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 200, complete: false });
    expect(await client.untilClosed()).toBe('reset');
    await ended(1);
    expect(decisions).toHaveLength(1);
    expect(decisions[0]?.code).toMatch(/^upstream_(protocol_error|timeout)$/);
  }
});

test('an upstream that refuses connections', async () => {
  const { port, token, decisions } = await proxyBefore('http://127.0.0.1:1');
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 502 });
  expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
  expect(decisions).toMatchObject([{ code: 'upstream_unreachable', upstream: '127.0.0.1:1' }]);
});

test('a name that does not resolve', async () => {
  const { port, token } = await startProxyBefore(
    'http://nowhere.invalid',
    { allowPrivateNetwork: false },
    {
      resolveAll: (_name, _options, callback) => {
        callback(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), []);
      },
    },
  );
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
  expect(answer.body).toContain('ENOTFOUND');
});

test('a connection that is not made in time', async () => {
  const { port, token } = await startProxyBefore(
    'http://silent.test',
    { allowPrivateNetwork: false, timeouts: { connectMs: 200 } },
    // Never answers: the name server is as slow as an address that drops everything.
    { resolveAll: () => undefined },
  );
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 504 });
  expect(answer.headers['keyferry-error']).toBe('upstream_timeout');
  expect(answer.body).toContain('connectMs');
});
