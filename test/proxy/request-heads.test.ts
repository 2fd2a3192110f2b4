import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { REAL_KEY, shareProxyBefore, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const proxyBefore = shareProxyBefore();

const okUpstream = () => startUpstream((_request, response) => void response.end('ok'));

const head = (token: string, ...lines: string[]): string =>
  `${lines[0]}\r\nKeyferry-Token: ${token}\r\n${lines
    .slice(1)
    .map((line) => `${line}\r\n`)
    .join('')}\r\n`;

test.each([
  ['no Host', ['GET /api HTTP/1.1']],
  ['two Hosts', ['GET /api HTTP/1.1', 'Host: a', 'Host: a']],
  [
    'two lengths that differ',
    ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2'],
  ],
  [
    'two lengths that agree',
    ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 1'],
  ],
  ['a list of lengths', ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: 1, 1']],
  ['a signed length', ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: +1']],
  ['a hexadecimal length', ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: 0x1']],
  [
    'length and chunks',
    ['POST /api HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked'],
  ],
  [
    'chunks and length',
    ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 1'],
  ],
  [
    'chunked twice',
    ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
  ],
  ['chunked, chunked', ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked, chunked']],
  ['gzip, chunked', ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked']],
  ['identity', ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: identity']],
  ['an obfuscated chunked', ['POST /api HTTP/1.1', 'Host: a', 'Transfer-Encoding: \x0bchunked']],
  ['chunks on HTTP/1.0', ['POST /api HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked']],
  ['a space before the colon', ['GET /api HTTP/1.1', 'Host: a', 'X-A : b']],
  ['a folded line', ['GET /api HTTP/1.1', 'Host: a', 'X-A: b', ' c']],
  ['a NUL in a value', ['GET /api HTTP/1.1', 'Host: a', 'X-A: b\x00c']],
  ['a line without a colon', ['GET /api HTTP/1.1', 'Host: a', 'nonsense']],
  ['an absolute target', ['GET http://keyferry/api HTTP/1.1', 'Host: keyferry']],
  ['an asterisk', ['OPTIONS * HTTP/1.1', 'Host: a']],
  ['a target without a slash', ['GET api HTTP/1.1', 'Host: a']],
  ['HTTP/0.9', ['GET /api']],
  ['HTTP/2.0', ['GET /api HTTP/2.0', 'Host: a']],
  ['HTTP/1.2', ['GET /api HTTP/1.2', 'Host: a']],
  ['an unknown method', ['FROB /api HTTP/1.1', 'Host: a']],
  ['a method in lower case', ['get /api HTTP/1.1', 'Host: a']],
  ['the token twice', ['GET /api HTTP/1.1', 'Host: a', 'Keyferry-Token: kfc_other']],
])('a request with %s is refused, and the connection closed', async (_name, lines) => {
  const upstream = await okUpstream();
  const { port, token, decisions } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`${head(token, ...lines)}x`);
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 400, complete: true });
  expect(answer.headers).toMatchObject({
    'keyferry-error': 'request_rejected',
    connection: 'close',
  });
  await client.untilClosed();
  expect(client.received).toBe('');
  expect(upstream.connections).toBe(0);
  expect(decisions).toHaveLength(1);
});

test('lines that end with LF alone are refused', async () => {
  const upstream = await okUpstream();
  const { port, token } = await proxyBefore(upstream.origin);
  for (const text of [
    `GET /api HTTP/1.1\nHost: a\nKeyferry-Token: ${token}\n\n`,
    `GET /api HTTP/1.1\r\nHost: a\nKeyferry-Token: ${token}\r\n\r\n`,
    `GET /api HTTP/1.1\r\nHost: a\r\nX: y\rKeyferry-Token: ${token}\r\n\r\n`,
    `POST /api HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${token}\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\n0\n\n`,
  ]) {
    const client = (await rawClient(port)).send(text);
    expect(await client.response()).toMatchObject({ status: 400 });
    await client.untilClosed();
  }
  expect(upstream.seen).toEqual([]);
});

test.each(['TRACE', 'CONNECT'])('%s is not taken', async (method) => {
  const upstream = await okUpstream();
  const { port, token, decisions } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead(method, method === 'CONNECT' ? 'example.com:443' : '/api', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 405, complete: true });
  expect(answer.headers['keyferry-error']).toBe('method_not_allowed');
  expect(answer.headers.allow).toContain('GET');
  expect(decisions).toMatchObject([{ method, status: 405, code: 'method_not_allowed' }]);
  expect(upstream.connections).toBe(0);
});

test('too many headers, and too long ones, are refused', async () => {
  const upstream = await okUpstream();
  const limits = { maxHeaders: 10, maxHeaderBytes: 4096 };
  const { port, token } = await startProxyBefore(upstream.origin, {}, { limits });
  const names = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: a`);
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api', token, names(8)));
  expect(await client.response()).toMatchObject({ status: 200 });
  client.send(requestHead('GET', '/api', token, names(9)));
  const many = await client.response();
  expect(many).toMatchObject({ status: 431, complete: true });
  expect(many.headers['keyferry-error']).toBe('headers_too_large');
  const other = await rawClient(port);
  other.send(requestHead('GET', '/api', token, [`X-Long: ${'x'.repeat(5000)}`]));
  const long = await other.response();
  expect(long).toMatchObject({ status: 431, complete: true });
  expect(long.headers['keyferry-error']).toBe('headers_too_large');
  expect(upstream.seen).toHaveLength(1);
});

test('what is forwarded, and what stays', async () => {
  const upstream = await okUpstream();
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(
    requestHead('GET', '/api/a?b=c', token, [
      'X-Keep: 1',
      'x-KEEP: 2',
      'Cookie: a=b',
      'X-Latin: \xe9',
      'Connection: keep-alive, X-Hop, Authorization, Host, Content-Length, X-Request-Id',
      'X-Hop: gone',
      'Keep-Alive: timeout=1',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Trailer: X-T',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
      'Proxy-Authorization: Basic eDp5',
      'Proxy-Authenticate: x',
      'Keyferry-Anything: x',
      'keyferry_token: x',
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Host: a',
      'X-Forwarded-Proto: a',
      'Forwarded: for=1.2.3.4',
      'X-Real-IP: 1.2.3.4',
      'X-Request-Id: mine-1',
    ]),
  );
  expect(await client.response()).toMatchObject({ status: 200 });
  const [seen] = upstream.seen;
  expect(seen?.target).toBe('/a?b=c');
  const pairs = [];
  for (let i = 0; i < (seen?.rawHeaders.length ?? 0); i += 2) {
    pairs.push(`${seen?.rawHeaders[i]}: ${seen?.rawHeaders[i + 1]}`);
  }
  expect(pairs).toEqual([
    `host: ${upstream.origin.slice('http://'.length)}`,
    'connection: keep-alive',
    'X-Keep: 1',
    'x-KEEP: 2',
    'Cookie: a=b',
    'X-Latin: \xe9',
    // Responses are searched: only what can be is asked for.
    'Accept-Encoding: identity',
    'X-Request-Id: mine-1',
    `Authorization: Bearer ${REAL_KEY}`,
  ]);
});

test('the client address goes on only where the route says so', async () => {
  const upstream = await okUpstream();
  const { port, token } = await proxyBefore(upstream.origin, { forwardClientAddress: true });
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api', token, ['X-Forwarded-For: 6.6.6.6']));
  await client.response();
  expect(upstream.seen[0]?.headers['x-forwarded-for']).toBe('127.0.0.1');
});

test.each([
  ['a-B.9~:/+=', 'a-B.9~:/+='],
  ['x'.repeat(128), 'x'.repeat(128)],
  ['x'.repeat(129), undefined],
  ['has space', undefined],
  ['quote"', undefined],
  ['', undefined],
])('X-Request-Id %j of the client', async (given, taken) => {
  const upstream = await okUpstream();
  const { port, token, decisions } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api', token, [`X-Request-Id: ${given}`]));
  const { headers } = await client.response();
  const used = upstream.seen[0]?.headers['x-request-id'];
  if (taken === undefined) expect(used).toMatch(/^[\w-]{14,}$/);
  else expect(used).toBe(taken);
  expect(headers['x-request-id']).toBe(used);
  expect(decisions[0]?.requestId).toBe(used);
  client.send(requestHead('GET', '/api', token));
  expect((await client.response()).headers['x-request-id']).not.toBe(used);
});

test('targets that pass do so byte by byte', async () => {
  const upstream = await okUpstream();
  const { port, token } = await proxyBefore(upstream.origin);
  const client = await rawClient(port);
  const targets = [
    '',
    '/',
    '/@scope%2fpkg',
    '/@scope%2Fpkg/-/pkg-1.0.0.tgz',
    '/a%20b/%C3%A9?x=%26&y=a+b&z',
    '/a.b/..c/c../...',
    '/%7Euser/~user',
    '/a;v=1/b',
    '?only=query',
    '/x?a=../..&b=//&c=http://elsewhere/',
    '/<<secret:api_key>>/{{api_key}}?q=<<secret:api_key>>',
    `/${'long'.repeat(1000)}`,
  ];
  for (const target of targets) {
    client.send(requestHead('GET', `/api${target}`, token));
    expect(await client.response()).toMatchObject({ status: 200 });
  }
  expect(upstream.seen.map(({ target }) => target)).toEqual(
    targets.map((target) => (target.startsWith('/') ? target : `/${target}`)),
  );
});

test('the path of the upstream comes first, the prefix stays where the route keeps it', async () => {
  const upstream = await okUpstream();
  const { port, token } = await proxyBefore(`${upstream.origin}/base/v1/`, {
    stripPrefix: false,
  });
  const client = await rawClient(port);
  for (const target of ['/api', '/api/', '/api/x?y']) {
    client.send(requestHead('GET', target, token));
    expect(await client.response()).toMatchObject({ status: 200 });
  }
  expect(upstream.seen.map(({ target }) => target)).toEqual([
    '/base/v1/api',
    '/base/v1/api/',
    '/base/v1/api/x?y',
  ]);
});
