import { describe, expect, it } from 'vitest';
import {
  END_HEADERS,
  END_STREAM,
  FrameType,
  fields,
  frame,
  http2Wire,
  requestFields,
  uint32,
} from '../support/http2-wire.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { ask, http2Session, startHttp2Proxy } from '../support/start-http2-proxy.js';
import { apiRoute, REAL_KEY } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const END = END_STREAM | END_HEADERS;
const PROTOCOL_ERROR = 1;

async function start() {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const rig = await startHttp2Proxy(upstream.origin);
  return { ...rig, upstream };
}

describe('what the parser refuses reaches nobody', () => {
  it.each<[string, (token: string) => Buffer]>([
    [
      'Connection',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['connection', 'keyferry-token'],
        ]),
    ],
    [
      'Transfer-Encoding',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['transfer-encoding', 'chunked'],
        ]),
    ],
    [
      'Keep-Alive',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['keep-alive', 'timeout=5'],
        ]),
    ],
    [
      'Proxy-Connection',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['proxy-connection', 'close'],
        ]),
    ],
    [
      'Upgrade',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['upgrade', 'h2c'],
        ]),
    ],
    [
      'TE: gzip',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['te', 'gzip'],
        ]),
    ],
    ['upper case', (token) => requestFields('/api/x', [['Keyferry-Token', token]])],
    [
      'a pseudo header after others',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          [':authority', 'other'],
        ]),
    ],
    [
      'an unknown pseudo header',
      (token) => requestFields('/api/x', [['keyferry-token', token]], { ':upstream': 'other' }),
    ],
    [
      'extended CONNECT',
      (token) =>
        requestFields('/api/x', [['keyferry-token', token]], {
          ':method': 'CONNECT',
          ':protocol': 'websocket',
        }),
    ],
    ['an empty path', (token) => requestFields('', [['keyferry-token', token]])],
    ['a path that is none', (token) => requestFields('api/x', [['keyferry-token', token]])],
    [
      'two paths',
      (token) =>
        fields([
          [':method', 'GET'],
          [':scheme', 'https'],
          [':authority', 'a'],
          [':path', '/api/x'],
          [':path', '/api/y'],
          ['keyferry-token', token],
        ]),
    ],
    [
      'two lengths',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['content-length', '0'],
          ['content-length', '1'],
        ]),
    ],
    [
      'a length without a body',
      (token) =>
        requestFields('/api/x', [
          ['keyferry-token', token],
          ['content-length', '5'],
        ]),
    ],
  ])('%s', async (_what, head) => {
    const { port, token, upstream } = await start();
    const wire = await http2Wire(port);
    wire.send(frame(FrameType.headers, END, 1, head(token)));
    const end = await wire.endOf(1);
    const answered = wire.frames.some(
      ({ type, stream }) => type === FrameType.headers && stream === 1,
    );
    // By the parser, or by Keyferry with a problem.
    if (!answered) expect(Object.values(end)).toEqual([PROTOCOL_ERROR]);
    // What is sound still passes, on this connection or on a new one.
    const session = await http2Session(port);
    expect((await ask(session, { ':path': '/api/y', 'keyferry-token': token })).status).toBe(200);
    expect(upstream.seen.map(({ target }) => target)).toEqual(['/y']);
  });
});

it.each([
  ['a line break in a value', 'x-a', 'b\r\nx-c: d'],
  ['a line break in a name', 'x-a\r\nx-c', 'd'],
  ['a NUL', 'x-a', 'b\0c'],
  ['a colon in a name', 'x:a', 'b'],
])('a header with %s is left out', async (_what, name, value) => {
  const { port, token, upstream } = await start();
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [
    ['keyferry-token', token],
    [name, value],
  ]);
  wire.send(frame(FrameType.headers, END, 1, head));
  await wire.endOf(1);
  expect(upstream.seen.length).toBeLessThanOrEqual(1);
  for (const { rawHeaders } of upstream.seen)
    expect(rawHeaders.join('\n')).not.toMatch(/x-a|x-c|x:/i);
});

describe('what Keyferry refuses is a problem', () => {
  it.each<[string, Record<string, string>, number, string]>([
    ['a dot segment', { ':path': '/api/../admin' }, 400, 'request_rejected'],
    ['an encoded dot segment', { ':path': '/api/%2e%2e/admin' }, 400, 'request_rejected'],
    ['an empty segment', { ':path': '/api//x' }, 400, 'request_rejected'],
    ['a backslash', { ':path': '/api/\\x' }, 400, 'request_rejected'],
    ['a fragment', { ':path': '/api/x#y' }, 400, 'request_rejected'],
    ['"*"', { ':path': '*', ':method': 'OPTIONS' }, 400, 'request_rejected'],
    ['a Host that differs', { ':authority': 'keyferry', host: 'other' }, 400, 'request_rejected'],
    ['http as scheme', { ':scheme': 'http' }, 400, 'request_rejected'],
    ['a method that nobody knows', { ':method': 'STEAL' }, 400, 'request_rejected'],
    ['TRACE', { ':method': 'TRACE' }, 405, 'method_not_allowed'],
    ['an expectation', { expect: '200-maybe' }, 400, 'request_rejected'],
  ])('%s', async (_what, headers, status, code) => {
    const { port, token, upstream, ended, decisions } = await start();
    const session = await http2Session(port);
    const answer = await ask(session, { ':path': '/api/x', 'keyferry-token': token, ...headers });
    expect([answer.status, answer.headers['keyferry-error']]).toEqual([status, code]);
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
    expect(upstream.seen).toHaveLength(0);
    await ended(1);
    expect(decisions[0]).toMatchObject({ status, code });
  });

  it('CONNECT', async () => {
    const { port, token, upstream } = await start();
    const session = await http2Session(port);
    const stream = session.request({
      ':method': 'CONNECT',
      ':authority': 'internal.example:22',
      'keyferry-token': token,
    });
    const status = await new Promise((resolve) =>
      stream.on('response', (head) => resolve(head[':status'])),
    );
    expect(status).toBe(405);
    expect(upstream.seen).toHaveLength(0);
    stream.close();
  });

  it('a body that is too large, announced or not', async () => {
    const upstream = await startUpstream((_request, response) => void response.end('ok'));
    const { port, token } = await startHttp2Proxy(upstream.origin, { maxRequestBytes: 1000 });
    const session = await http2Session(port);
    const head = { ':path': '/api/x', ':method': 'POST', 'keyferry-token': token };
    const body = Buffer.alloc(1001);
    for (const more of [{}, { 'content-length': '1001' }]) {
      expect((await ask(session, { ...head, ...more }, body)).status).toBe(413);
    }
    expect((await ask(session, head, Buffer.alloc(1000))).status).toBe(200);
    expect(upstream.seen).toHaveLength(1);
  });
});

it('no header of a client survives under a name that the route places', async () => {
  const { port, upstream, token } = await start();
  const session = await http2Session(port);
  await ask(session, {
    ':path': '/api/x',
    'keyferry-token': token,
    authorization: 'Bearer mine',
    'keyferry-other': 'mine',
    'x-forwarded-for': '10.0.0.1',
  });
  const [seen] = upstream.seen;
  expect(seen?.headers.authorization).toBe(`Bearer ${REAL_KEY}`);
  expect(seen?.rawHeaders.join('\n')).not.toMatch(/mine|10\.0\.0\.1|kfc_/);
});

it('the token is taken in its three places, and reaches no upstream', async () => {
  const { port, upstream, token } = await start();
  const session = await http2Session(port);
  const places = [
    { 'keyferry-token': token },
    { 'proxy-authorization': `Bearer ${token}` },
    { authorization: `Basic ${Buffer.from(`${token}:`).toString('base64')}` },
  ];
  for (const place of places) {
    expect((await ask(session, { ':path': '/api/x', ...place })).status).toBe(200);
  }
  for (const { rawHeaders } of upstream.seen) expect(rawHeaders.join('\n')).not.toContain(token);
  const without = await ask(session, { ':path': '/api/x' });
  expect(without.status).toBe(401);
  expect(without.headers['www-authenticate']).toBe('Basic realm="keyferry"');
});

it('routes match by :authority, with its port or without', async () => {
  const { port, upstream, token, routes } = await start();
  await routes([apiRoute(upstream.origin, { match: { host: 'one.example' }, stripPrefix: false })]);
  const session = await http2Session(port);
  const statuses = [];
  for (const authority of ['one.example', 'one.example:8443', 'two.example']) {
    const head = { ':path': '/x', ':authority': authority, 'keyferry-token': token };
    statuses.push((await ask(session, head)).status);
  }
  expect(statuses).toEqual([200, 200, 404]);
});

it('a body that is reset on its way never reaches the upstream as a whole one', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token, proxy } = await startHttp2Proxy(upstream.origin);
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [['keyferry-token', token]], { ':method': 'POST' });
  let stream = 1;
  for (const code of [0, 8, 2]) {
    wire.send(
      frame(FrameType.headers, END_HEADERS, stream, head),
      frame(FrameType.data, 0, stream, 'half of it'),
    );
    const count = (stream + 1) / 2;
    await eventually(() => upstream.received.split('half of it').length === count + 1);
    wire.send(frame(FrameType.rstStream, 0, stream, uint32(code)));
    await eventually(() => proxy.inFlight === 0);
    stream += 2;
  }
  await eventually(() =>
    upstream.connections.every(({ received, closed }) => closed || received === ''),
  );
  expect(upstream.received).not.toContain('\r\n0\r\n\r\n');
});

it('crumbs of cookies become one header', async () => {
  const { port, upstream, token } = await start();
  const wire = await http2Wire(port);
  const cookies = [
    ['keyferry-token', token],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ] as const;
  wire.send(frame(FrameType.headers, END, 1, requestFields('/api/x', cookies)));
  await wire.endOf(1);
  expect(upstream.seen[0]?.headers.cookie).toBe('a=1; b=2');
  expect(
    upstream.seen[0]?.rawHeaders.filter((name) => name.toLowerCase() === 'cookie'),
  ).toHaveLength(1);
});
