import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { createOutbound } from '../../src/proxy/index.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { type RawConnection, startRawUpstream } from '../support/raw-upstream.js';
import { startUpstream } from '../support/start-upstream.js';

const POST = {
  method: 'POST',
  body: '{"a":1}',
  timeoutMs: 5000,
  allowPrivateNetwork: true,
} as const;

const send = (url: string, options = {}) => createOutbound().send({ ...POST, url, ...options });

test('a request goes out as it was given, and its answer comes back', async () => {
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(201, { 'X-Of-Two': ['a', 'b'], 'Content-Type': 'application/json' });
    response.end('{"made":true}');
  });
  const headers = { 'Content-Type': 'application/json', 'X-Mine': 'yes' };
  const answer = await send(`${upstream.origin}/hook?of=me#part`, { headers });
  expect(answer.status).toBe(201);
  expect(answer.headers).toMatchObject({ 'x-of-two': 'a, b', 'content-type': 'application/json' });
  expect(Buffer.from(answer.body).toString()).toBe('{"made":true}');
  const [seen] = upstream.seen;
  expect(seen?.method).toBe('POST');
  expect(`${seen?.url.pathname}${seen?.url.search}`).toBe('/hook?of=me');
  expect(seen?.headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': '7',
    'user-agent': 'Keyferry',
    'x-mine': 'yes',
    connection: 'close',
  });
});

test('redirects are answers', async () => {
  const other = await startUpstream((_request, response) => void response.end('never'));
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(307, { location: other.origin }).end();
  });
  expect(await send(upstream.origin)).toMatchObject({ status: 307 });
  expect(other.connections).toBe(0);
});

test('authorities are taken beside those of the system', async () => {
  const authority = await makeAuthority();
  const tls = await makeCertificate(authority, { ips: ['127.0.0.1'] });
  const upstream = await startUpstream((_request, response) => void response.end('ok'), { tls });
  expect(await send(upstream.origin, { ca: authority.cert })).toMatchObject({ status: 200 });
  await expect(send(upstream.origin)).rejects.toMatchObject({ code: 'upstream_unreachable' });
  const other = await makeAuthority();
  await expect(send(upstream.origin, { ca: other.cert })).rejects.toMatchObject({
    code: 'upstream_unreachable',
  });
  expect(upstream.seen).toHaveLength(1);
});

test('where nothing was sent, the error says so', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as { port: number };
  await new Promise((resolve) => gone.close(resolve));
  const aborted = AbortSignal.abort();
  const cases = [
    [`http://127.0.0.1:${port}`, {}],
    ['https://no-such-name.invalid', {}],
    ['ftp://127.0.0.1', {}],
    ['not a URL', {}],
    [upstream.origin.replace('://', '://user:word@'), {}],
    [upstream.origin, { headers: { 'X-Bad': 'a\r\nX-More: b' } }],
    [upstream.origin, { method: 'GET\r\n' }],
    [upstream.origin, { signal: aborted }],
  ] as const;
  for (const [url, options] of cases) {
    await expect(send(url, options), url).rejects.toMatchObject({ code: 'upstream_unreachable' });
  }
  expect(upstream.connections).toBe(0);
});

test('a server that accepts and completes no handshake got nothing', async () => {
  const silent = await startRawUpstream(() => undefined);
  const origin = silent.origin.replace('http:', 'https:');
  await expect(send(origin, { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'upstream_unreachable',
  });
  const hangsUp = await startRawUpstream(() => undefined, {
    onConnection: ({ socket }) => socket.resetAndDestroy(),
  });
  await expect(send(hangsUp.origin.replace('http:', 'https:'))).rejects.toMatchObject({
    code: 'upstream_unreachable',
  });
});

const answering =
  (text: string, then: 'end' | 'reset' | 'stay') =>
  ({ socket }: RawConnection) => {
    socket.write(text, 'latin1', () => {
      if (then === 'end') socket.end();
      if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
    });
  };

test.each([
  ['closes without an answer', answering('', 'end'), 'upstream_protocol_error'],
  ['resets', answering('', 'reset'), 'upstream_protocol_error'],
  ['speaks no HTTP', answering('SSH-2.0\r\n', 'stay'), 'upstream_protocol_error'],
  [
    'closes in the body',
    answering('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', 'end'),
    'upstream_protocol_error',
  ],
  [
    'resets where the close ends the body',
    answering('HTTP/1.1 200 OK\r\n\r\nab', 'reset'),
    'upstream_protocol_error',
  ],
  ['never answers', answering('', 'stay'), 'upstream_timeout'],
  ['never ends its head', answering('HTTP/1.1 200 OK\r\nA: ', 'stay'), 'upstream_timeout'],
  [
    'never ends',
    answering('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', 'stay'),
    'upstream_timeout',
  ],
  [
    'only promises',
    answering('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(5), 'stay'),
    'upstream_timeout',
  ],
])(
  'it may have arrived where the other side %s, and is not sent again',
  async (_what, answer, code) => {
    const upstream = await startRawUpstream(answer);
    await expect(send(upstream.origin, { timeoutMs: 400 })).rejects.toMatchObject({ code });
    expect(upstream.connections).toHaveLength(1);
    expect(upstream.received.match(/POST/g)).toHaveLength(1);
  },
);

test('a server that hangs up as soon as it is connected counts as one that may have got it', async () => {
  const upstream = await startRawUpstream(() => undefined, {
    onConnection: ({ socket }) => socket.end(),
  });
  await expect(send(upstream.origin)).rejects.toMatchObject({ code: 'upstream_protocol_error' });
  expect(upstream.connections).toHaveLength(1);
});

test('the time limit is for all of it, and a signal ends it sooner', async () => {
  // A byte now and then keeps no limit from ending.
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  await expect(send(upstream.origin, { timeoutMs: 200 })).rejects.toMatchObject({
    code: 'upstream_timeout',
  });
  const controller = new AbortController();
  const sent = send(upstream.origin, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(sent).rejects.toMatchObject({ code: 'upstream_timeout' });
});

test('a response is taken up to its limit', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('x'.repeat(1000)));
  const exact = await send(upstream.origin, { maxResponseBytes: 1000 });
  expect(exact.body).toHaveLength(1000);
  await expect(send(upstream.origin, { maxResponseBytes: 999 })).rejects.toMatchObject({
    code: 'response_too_large',
  });
  const large = await startUpstream((_request, response) => {
    response.end(Buffer.alloc(1024 * 1024 + 1));
  });
  await expect(send(large.origin)).rejects.toMatchObject({ code: 'response_too_large' });
});

test('no error holds what was sent, or any text of the other side', async () => {
  const upstream = await startRawUpstream(
    answering('HTTP/1.1 canary-status canary\r\n\r\n', 'end'),
  );
  const error = await send(`${upstream.origin}/canary-path`, {
    headers: { 'X-Key': 'canary-header' },
    body: 'canary-body',
  }).catch((thrown: Error) => thrown.message);
  expect(error).toMatch(/^The/);
  expect(error).not.toContain('canary');
});
