import type { ServerHttp2Stream } from 'node:http2';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  END_HEADERS,
  END_STREAM,
  type Frame,
  FrameType,
  fields,
  frame,
  type Http2Wire,
  startWireUpstream,
  uint32,
} from '../support/http2-wire.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually } from '../support/raw-upstream.js';
import {
  ask,
  http2Session,
  startHttp2Proxy,
  TEST_CA,
  UPSTREAM_CERTIFICATE,
} from '../support/start-http2-proxy.js';
import { apiRoute, REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

interface SeenCall {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

/** An upstream on node:http2, with prior knowledge. */
async function startHttp2Upstream(
  answer: (stream: ServerHttp2Stream, call: SeenCall) => void,
): Promise<{ origin: string; seen: SeenCall[]; sessions: number; server: Http2Server }> {
  const server = createServer();
  const upstream = { origin: '', seen: [] as SeenCall[], sessions: 0, server };
  server.on('session', (session) => {
    upstream.sessions++;
    onTestFinished(() => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    let body = '';
    let trailers: IncomingHttpHeaders = {};
    stream.on('error', () => undefined);
    stream.on('trailers', (found) => {
      trailers = found;
    });
    stream.on('data', (piece: Buffer) => {
      body += piece.toString('latin1');
    });
    stream.on('end', () => {
      const call = { headers, body, trailers };
      upstream.seen.push(call);
      answer(stream, call);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  upstream.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

const HTTP2 = { http2: true };

describe('to an upstream that speaks HTTP/2', () => {
  it('requests of HTTP/1.1 and HTTP/2 go on with the credential, on one connection', async () => {
    const upstream = await startHttp2Upstream((stream) => {
      stream.respond({ ':status': 201, 'set-cookie': ['a=1', 'b=2'], 'x-request-id': 'theirs' });
      stream.end('made');
    });
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const answer = await ask(
      session,
      { ':path': '/api/a?b=c', ':method': 'POST', 'keyferry-token': token, cookie: ['x=1', 'y=2'] },
      'body',
    );
    expect(answer).toMatchObject({ status: 201, body: 'made', complete: true });
    expect(answer.headers).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      'x-request-id': 'theirs',
    });
    const client = await rawClient(port, { tls: { ca: TEST_CA } });
    client.send(requestHead('GET', '/api/b', token, ['X-Twice: 1', 'X-Twice: 2']));
    expect(await client.response()).toMatchObject({ status: 201, body: 'made' });
    const [first, second] = upstream.seen;
    expect(first?.headers).toMatchObject({
      ':method': 'POST',
      ':path': '/a?b=c',
      ':authority': new URL(upstream.origin).host,
      authorization: `Bearer ${REAL_KEY}`,
      cookie: 'x=1; y=2',
    });
    expect(first?.body).toBe('body');
    expect(second?.headers).toMatchObject({ ':path': '/b', 'x-twice': '1, 2' });
    for (const name of ['keyferry-token', 'connection', 'te']) {
      expect(first?.headers[name]).toBeUndefined();
    }
    expect(upstream.sessions).toBe(1);
  });

  it('trailers pass both ways, none of them a credential', async () => {
    const upstream = await startHttp2Upstream((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', 'x-more': 'b' }));
      stream.end('body');
    });
    const { port, token } = await startHttp2Proxy(upstream.origin, {
      ...HTTP2,
      headers: { 'X-Api-Credential': '<<secret:api_key>>' },
    });
    const session = await http2Session(port);
    const stream = session.request(
      { ':path': '/api/x', ':method': 'POST', te: 'trailers', 'keyferry-token': token },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () =>
      stream.sendTrailers({
        'x-check': 'sum',
        'x-api-credential': 'mine',
        x_api_credential: 'mine',
        authorization: 'mine',
        'keyferry-token': token,
        'x-other': token,
      }),
    );
    let trailers: IncomingHttpHeaders = {};
    stream.on('trailers', (found) => {
      trailers = found;
    });
    stream.resume();
    stream.end('body');
    await new Promise((resolve) => stream.on('close', resolve));
    expect(trailers).toMatchObject({ 'x-sum': '42', 'x-more': 'b' });
    expect(upstream.seen[0]?.headers).toMatchObject({
      te: 'trailers',
      'x-api-credential': REAL_KEY,
    });
    expect(Object.entries(upstream.seen[0]?.trailers ?? {})).toEqual([['x-check', 'sum']]);
  });

  it.each(['HEAD', 'GET'])('%s answered without a body ends at once', async (method) => {
    const upstream = await startHttp2Upstream((stream) =>
      stream.respond(
        { ':status': method === 'HEAD' ? 200 : 304, etag: '"a"' },
        { endStream: true },
      ),
    );
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const head = { ':path': '/api/x', ':method': method, 'keyferry-token': token };
    const answer = await ask(session, head);
    expect(answer).toMatchObject({ body: '', complete: true });
    expect(answer.headers.etag).toBe('"a"');
  });

  it('a large body passes whole both ways, to a slow reader too', async () => {
    const upstream = await startHttp2Upstream((stream, { body }) => {
      stream.respond({ ':status': 200 });
      stream.end(body);
    });
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const stream = session.request({
      ':path': '/api/x',
      ':method': 'PUT',
      'keyferry-token': token,
    });
    stream.end(Buffer.alloc(8 * 1024 * 1024, 'abc'));
    let bytes = 0;
    for await (const piece of stream as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(bytes).toBe(8 * 1024 * 1024);
    expect(stream.rstCode).toBe(0);
  });

  it('a graceful GOAWAY lets what is under way finish; the next request has a new connection', async () => {
    const waiting: ServerHttp2Stream[] = [];
    const upstream = await startHttp2Upstream((stream) => void waiting.push(stream));
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const head = { ':path': '/api/x', 'keyferry-token': token };
    const first = [ask(session, head), ask(session, head)];
    await eventually(() => waiting.length === 2);
    waiting[0]?.session?.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = ask(session, head);
    await eventually(() => waiting.length === 3);
    for (const stream of waiting) {
      stream.respond({ ':status': 200 });
      stream.end('done');
    }
    for (const answer of await Promise.all([...first, second])) {
      expect(answer).toMatchObject({ status: 200, body: 'done', complete: true });
    }
    expect(upstream.sessions).toBe(2);
  });

  it('a client that leaves takes the upstream request with it', async () => {
    let aborted = 0;
    const upstream = await startHttp2Upstream(
      (stream) => void stream.on('aborted', () => aborted++),
    );
    const { port, token, ended, decisions } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const stream = session.request({ ':path': '/api/x', 'keyferry-token': token });
    stream.on('error', () => undefined);
    await eventually(() => upstream.seen.length === 1);
    stream.close(8);
    await eventually(() => aborted === 1);
    await ended(1);
    expect(decisions[0]).toMatchObject({ status: 0 });
  });
});

/** Answers each request head with these frames. */
function answering(frames: (stream: number) => readonly Buffer[]) {
  return (wire: Http2Wire, { type, stream }: Frame): void => {
    if (type === FrameType.headers) wire.send(...frames(stream));
  };
}

const OK = fields([[':status', '200']]);

describe('a response that breaks off is never a whole one', () => {
  it.each<[string, (stream: number) => readonly Buffer[]]>([
    ['by RST_STREAM(NO_ERROR)', (stream) => [frame(FrameType.rstStream, 0, stream, uint32(0))]],
    ['by RST_STREAM(CANCEL)', (stream) => [frame(FrameType.rstStream, 0, stream, uint32(8))]],
    [
      'by RST_STREAM(INTERNAL_ERROR)',
      (stream) => [frame(FrameType.rstStream, 0, stream, uint32(2))],
    ],
    ['by GOAWAY', () => [frame(FrameType.goaway, 0, 0, Buffer.concat([uint32(0), uint32(2)]))]],
    ['by bytes that are no frame', () => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
  ])('%s', async (how, end) => {
    const upstream = await startWireUpstream(
      answering((stream) => [
        frame(FrameType.headers, END_HEADERS, stream, OK),
        frame(FrameType.data, 0, stream, 'half of it'),
        ...end(stream),
      ]),
    );
    const { port, token, ended, decisions } = await startHttp2Proxy(upstream.origin, {
      ...HTTP2,
      timeouts: { idleMs: 500 },
    });
    const session = await http2Session(port);
    const answer = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
    expect(answer.complete).toBe(false);
    const client = await rawClient(port, { tls: { ca: TEST_CA } });
    client.send(requestHead('GET', '/api/x', token));
    const raw = await client.response().catch(() => undefined);
    expect(raw?.complete ?? false).toBe(raw?.status === 502);
    await ended(2);
    // nghttp2 says nothing of some breaches: then the response is one that stalled.
    const codes = how.includes('no frame') ? ['upstream_timeout'] : ['upstream_protocol_error'];
    expect([...codes, 'upstream_protocol_error']).toContain(decisions[0]?.code);
  });

  it.each<[string, (stream: number) => readonly Buffer[]]>([
    ['a refused stream', (stream) => [frame(FrameType.rstStream, 0, stream, uint32(7))]],
    ['an end without a response', (stream) => [frame(FrameType.rstStream, 0, stream, uint32(0))]],
    [
      'an interim response that ends',
      (stream) => [
        frame(FrameType.headers, END_HEADERS | END_STREAM, stream, fields([[':status', '103']])),
      ],
    ],
  ])('%s is a 502, and nothing is sent again', async (_how, end) => {
    let heads = 0;
    const upstream = await startWireUpstream((wire, { type, stream }) => {
      if (type !== FrameType.headers) return;
      heads++;
      wire.send(...end(stream));
    });
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const answer = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
    expect(answer.status).toBe(502);
    expect(answer.headers['keyferry-error']).toBe('upstream_protocol_error');
    expect(heads).toBe(1);
  });

  it('a Content-Length that is not that of the body cuts the response', async () => {
    const upstream = await startWireUpstream(
      answering((stream) => [
        frame(
          FrameType.headers,
          END_HEADERS,
          stream,
          fields([
            [':status', '200'],
            ['content-length', '10'],
          ]),
        ),
        frame(FrameType.data, END_STREAM, stream, 'short'),
      ]),
    );
    const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
    const session = await http2Session(port);
    const answer = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
    expect(answer.complete && answer.status === 200).toBe(false);
  });
});

it('an upstream that takes few streams at once gets no more, on more connections', async () => {
  const waiting: [Http2Wire, number][] = [];
  const upstream = await startWireUpstream(
    (wire, { type, stream }) => {
      if (type === FrameType.headers) waiting.push([wire, stream]);
    },
    Buffer.concat([Buffer.from([0, 3]), uint32(2)]),
  );
  const { port, token } = await startHttp2Proxy(upstream.origin, HTTP2);
  const session = await http2Session(port);
  const head = { ':path': '/api/x', 'keyferry-token': token };
  const answers = Promise.all(Array.from({ length: 6 }, () => ask(session, head)));
  await eventually(() => waiting.length === 6);
  expect(upstream.wires).toHaveLength(3);
  for (const [wire, stream] of waiting) {
    wire.send(frame(FrameType.headers, END_HEADERS | END_STREAM, stream, OK));
  }
  for (const answer of await answers) expect(answer).toMatchObject({ status: 200, complete: true });
});

it('timeouts are told by their name', async () => {
  const upstream = await startWireUpstream((wire, { type, stream, payload }) => {
    if (type !== FrameType.headers || !payload.includes('/body')) return;
    wire.send(
      frame(FrameType.headers, END_HEADERS, stream, OK),
      frame(FrameType.data, 0, stream, 'half'),
    );
  });
  const silent = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void silent.close());
  const timeouts = { connectMs: 300, headersMs: 300, idleMs: 300 };
  const { port, token, routes, ended, decisions } = await startHttp2Proxy(upstream.origin, {
    ...HTTP2,
    timeouts,
  });
  const session = await http2Session(port);
  const head = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
  expect(head.status).toBe(504);
  expect(head.body).toContain('headersMs');
  const to = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await routes([apiRoute(to, { ...HTTP2, timeouts })]);
  const connect = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
  expect(connect.body).toContain('connectMs');
  await ended(2);
  expect(decisions.map(({ code }) => code)).toEqual(['upstream_timeout', 'upstream_timeout']);
});

describe('an upstream that does not speak HTTP/2', () => {
  it.each([
    ['over TLS', true],
    ['in the clear', false],
  ])('%s gets no request and no credential', async (_how, secure) => {
    const upstream = await startUpstream(
      (_request, response) => void response.end('ok'),
      secure ? { tls: UPSTREAM_CERTIFICATE } : {},
    );
    const { port, token } = await startProxyBefore(upstream.origin, {
      ...HTTP2,
      tls: { ca: TEST_CA },
    });
    const client = await rawClient(port);
    client.send(requestHead('GET', '/api/x', token));
    const answer = await client.response();
    expect(answer.headers['keyferry-error']).toBe('upstream_protocol_error');
    expect(upstream.seen).toHaveLength(0);
  });
});

it('private addresses are refused over HTTP/2 too, by name and by number', async () => {
  for (const origin of ['https://10.1.2.3', 'https://upstream.example']) {
    const { port, token } = await startProxyBefore(
      origin,
      { ...HTTP2, allowPrivateNetwork: false },
      {
        resolveAll: (_name, _options, callback) =>
          callback(null, [{ address: '127.0.0.1', family: 4 }]),
      },
    );
    const client = await rawClient(port);
    client.send(requestHead('GET', '/api/x', token));
    const answer = await client.response();
    expect(answer.headers['keyferry-error']).toBe('upstream_address_denied');
  }
});

it('a certificate that does not fit is refused', async () => {
  const server = createSecureServer(UPSTREAM_CERTIFICATE);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port: at } = server.address() as AddressInfo;
  const { port, token } = await startProxyBefore(`https://127.0.0.1:${at}`, HTTP2);
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api/x', token));
  expect((await client.response()).headers['keyferry-error']).toBe('upstream_unreachable');
});
