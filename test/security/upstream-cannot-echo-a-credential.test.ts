import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CanaryWatch, formsOf } from '../support/canary.js';
import { type RawClient, type RawResponse, rawClient, requestHead } from '../support/raw-client.js';
import { eventually, type RawConnection, startRawUpstream } from '../support/raw-upstream.js';
import {
  ask,
  http2Session,
  startHttp2Proxy,
  TEST_CA,
  UPSTREAM_CERTIFICATE,
} from '../support/start-http2-proxy.js';
import {
  apiRoute,
  type ProxyBefore,
  REAL_KEY,
  shareProxyBefore,
  startProxyBefore,
} from '../support/start-proxy.js';

const proxyBefore = shareProxyBefore();

/** Forms of the test suite's own list that are not promised: nothing writes credentials so. */
const NOT_PROMISED = new Set(['list of bytes', 'bytes of inspect', 'UTF-16']);
const FORMS = formsOf(REAL_KEY).filter(({ name }) => !NOT_PROMISED.has(name));
const BASIC = `Basic ${Buffer.from(`user:${REAL_KEY}`).toString('base64')}`;

const CHUNKED =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n';

const chunk = (piece: Buffer | string): Buffer => {
  const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
  return bytes.length === 0 ? bytes : Buffer.concat([size, bytes, Buffer.from('\r\n')]);
};
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** A whole chunked response, its body in these pieces: undici hands them on one by one. */
const inPieces = (pieces: readonly (Buffer | string)[], head = CHUNKED): Buffer =>
  Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), ...pieces.map(chunk), LAST_CHUNK]);

const withLength = (body: Buffer | string, ...headers: string[]): Buffer => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const head = ['HTTP/1.1 200 OK', `Content-Length: ${bytes.length}`, ...headers].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes]);
};

interface Rig extends ProxyBefore {
  readonly raw: RawClient;
  readonly heads: string[];
  /** Lets the upstream answer so, and gives what the client got. */
  answer(
    bytes: Buffer | string,
    method?: string,
    headers?: readonly string[],
  ): Promise<RawResponse>;
  readonly connection: () => RawConnection;
  readonly origin: string;
}

/** `before`: `startProxyBefore` where a test looks at what adds up, adds secrets, or needs two. */
async function startRig(
  route: Parameters<typeof startProxyBefore>[1] = {},
  before: typeof proxyBefore = proxyBefore,
): Promise<Rig> {
  let next: Buffer | string = '';
  const heads: string[] = [];
  const upstream = await startRawUpstream(({ socket }, head) => {
    heads.push(head);
    socket.write(next, 'latin1');
  });
  const rig = await before(upstream.origin, route);
  let client = await rawClient(rig.port);
  return {
    ...rig,
    heads,
    origin: upstream.origin,
    get raw() {
      return client;
    },
    connection: () => upstream.connections.at(-1) as RawConnection,
    async answer(bytes, method = 'GET', headers = []) {
      if (client.closed !== 'open') client = await rawClient(rig.port);
      next = bytes;
      client.send(requestHead(method, '/api', rig.token, headers));
      return client.response(method);
    },
  };
}

/** Where any form of the value stands in what a client got. */
function leaks({ statusLine, headerLines, body, trailers }: RawResponse): string[] {
  const watch = new CanaryWatch();
  watch.watch('the credential', REAL_KEY);
  watch.add('head', [statusLine, ...headerLines].join('\n'));
  watch.add('body', Buffer.from(body, 'latin1'));
  watch.add('trailers', JSON.stringify(trailers));
  return watch.findings();
}

/** Every place to cut a text in two. */
const cuts = (text: Buffer): number[] => Array.from({ length: text.length + 1 }, (_, at) => at);

describe('every form in the body is masked wherever the body is cut', () => {
  test.each(FORMS)('$name', async ({ bytes }) => {
    const { answer, echoes } = await startRig();
    const whole = Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]);
    for (const at of cuts(whole)) {
      const got = await answer(inPieces([whole.subarray(0, at), whole.subarray(at)]));
      expect(got).toMatchObject({ status: 200, complete: true });
      expect(leaks(got)).toEqual([]);
      expect(got.body).toMatch(/^\{"a":".?\[redacted\].{0,3}"\}$/);
    }
    expect(echoes).toHaveLength(whole.length + 1);
  });

  test('byte by byte', async () => {
    const { answer } = await startRig();
    for (const { bytes } of FORMS) {
      const whole = Buffer.concat([Buffer.from('real_'), bytes, Buffer.from('_real')]);
      const pieces = cuts(whole).map((at) => whole.subarray(at, at + 1));
      const got = await answer(inPieces(pieces));
      expect(leaks(got)).toEqual([]);
      expect(got.body).toContain('[redacted]');
    }
  });

  test.each(['gzip', 'br'])('compressed with %s', async (coding) => {
    const { answer, heads } = await startRig();
    const compress = (body: Buffer): Buffer =>
      coding === 'gzip' ? gzipSync(body) : brotliCompressSync(body);
    const head = `${CHUNKED}Content-Encoding: ${coding}\r\n`;
    for (const [index, { bytes }] of FORMS.entries()) {
      const whole = compress(Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]));
      // All places for one form, some for each of the others.
      for (const at of cuts(whole).filter((place) => index === 0 || place % 16 === index)) {
        const got = await answer(
          inPieces([whole.subarray(0, at), whole.subarray(at)], head),
          'GET',
          ['Accept-Encoding: gzip, deflate, br, zstd'],
        );
        expect(got).toMatchObject({ status: 200, complete: true });
        expect(got.headers['content-encoding']).toBeUndefined();
        expect(leaks(got)).toEqual([]);
        expect(got.body).toMatch(/^\{"a":".?\[redacted\].{0,3}"\}$/);
      }
      const short = await answer(withLength(whole, `Content-Encoding: ${coding}`, 'Digest: sha=x'));
      expect(leaks(short)).toEqual([]);
      expect(short.complete).toBe(true);
      expect(short.headers['content-length']).toBe(String(short.body.length));
      expect(short.headers.digest).toBeUndefined();
    }
    expect(heads[0]).toMatch(/\r\nAccept-Encoding: gzip, br\r\n/);
  });

  test('in two members of one gzip body', async () => {
    const { answer } = await startRig();
    for (let at = 1; at < REAL_KEY.length; at++) {
      const pieces = [REAL_KEY.slice(0, at), REAL_KEY.slice(at)];
      const zipped = pieces.map((piece) => gzipSync(piece));
      const got = await answer(inPieces(zipped, `${CHUNKED}Content-Encoding: gzip\r\n`));
      expect(got).toMatchObject({ body: '[redacted]', complete: true });
    }
  });
});

test('the rendered header and a Basic credential with the value are found', async () => {
  const { answer } = await startRig();
  for (const echo of [`Bearer ${REAL_KEY}`, BASIC, encodeURIComponent(BASIC)]) {
    const got = await answer(withLength(JSON.stringify({ headers: { authorization: echo } })));
    expect(leaks(got)).toEqual([]);
    expect(JSON.parse(got.body).headers.authorization).toContain('[redacted]');
  }
});

test('an answer without the value passes byte by byte, with its length and digests', async () => {
  const { answer, echoes, decisions } = await startRig();
  const body = JSON.stringify({ items: Array.from({ length: 50 }, (_, id) => ({ id })) });
  const kept = ['ETag: "v1"', 'Digest: sha-256=abc', 'Content-Type: application/json'];
  const got = await answer(withLength(body, ...kept));
  expect(got).toMatchObject({ status: 200, body, complete: true });
  expect(got.headerLines.slice(0, 4)).toEqual([`Content-Length: ${body.length}`, ...kept]);
  const zipped = await answer(withLength(gzipSync(body), 'Content-Encoding: gzip', 'ETag: "v1"'));
  expect(zipped.body).toBe(body);
  expect(zipped.headers).toMatchObject({ 'content-length': `${body.length}`, etag: '"v1"' });
  expect(echoes).toEqual([]);
  expect(decisions.map(({ code }) => code)).toEqual([undefined, undefined]);
});

test('a masked answer has its own length, and no validator or digest of the other', async () => {
  const { answer } = await startRig();
  const got = await answer(withLength(`{"k":"${REAL_KEY}"}`, 'ETag: "v1"', 'Content-MD5: abc'));
  expect(got).toMatchObject({ body: '{"k":"[redacted]"}', complete: true });
  expect(got.headers).toMatchObject({ 'content-length': '18' });
  expect(got.headers).not.toHaveProperty('etag');
  expect(got.headers).not.toHaveProperty('content-md5');
});

test('header fields, the status message and trailers are masked', async () => {
  const { answer, metrics, echoes } = await startRig({}, startProxyBefore);
  for (const { bytes } of FORMS) {
    const form = bytes.toString('latin1');
    const head = [
      `HTTP/1.1 302 Your key is ${form}`,
      `Location: https://x.example.com/?key=${form}&a=b`,
      `Set-Cookie: k=${form}; Path=/`,
      `X-${REAL_KEY}: a name`,
      'X-Other: 1',
    ];
    const trailers = `X-Key: ${form}\r\nX-Other: 2\r\n`;
    const got = await answer(
      `${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`,
    );
    expect(leaks(got)).toEqual([]);
    expect(got.statusLine).toBe('HTTP/1.1 302 Your key is [redacted]');
    expect(got.headerLines.slice(0, 3)).toEqual([
      'Location: https://x.example.com/?key=[redacted]&a=b',
      'Set-Cookie: k=[redacted]; Path=/',
      'X-Other: 1',
    ]);
    expect(got).toMatchObject({ body: 'ok', trailers: { 'x-key': '[redacted]', 'x-other': '2' } });
  }
  // Once per response and secret, by name.
  expect(echoes).toHaveLength(FORMS.length);
  expect(echoes[0]).toMatchObject({
    kind: 'hit',
    action: 'masked',
    route: 'api',
    environment: 'production',
    secrets: ['api_key'],
  });
  expect((await metrics.text()).text).toContain(
    `keyferry_echo_hits_total{route="api",environment="production",secret="api_key"} ${FORMS.length}`,
  );
});

test.each([
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n'],
  ['GET', 'HTTP/1.1 204 No Content\r\n'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n'],
])('%s answered without a body (%j) has a clean head', async (method, head) => {
  const { answer, decisions } = await startRig();
  for (let count = 0; count < 2; count++) {
    const got = await answer(`${head}ETag: "${REAL_KEY}"\r\n\r\n`, method);
    expect(got.headers).toMatchObject({ etag: '"[redacted]"' });
    expect(got.complete).toBe(true);
  }
  expect(decisions.map(({ code }) => code)).toEqual([undefined, undefined]);
});

test('an event stream passes event by event; of an unfinished one the last word waits', async () => {
  const { raw: client, connection, heads, token } = await startRig();
  client.send(requestHead('GET', '/api', token));
  await eventually(() => heads.length === 1);
  const { socket } = connection();
  socket.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  await client.until((text) => text.includes('\r\n\r\n'));
  const body = (): string => client.received.replace(/^.*?\r\n\r\n/s, '');
  const pass = async (piece: string, expected: string): Promise<void> => {
    socket.write(chunk(piece));
    await client.until(() => body().includes(expected));
  };
  await pass('data: first\n\n', 'data: first\n\n');
  await pass(`data: ${REAL_KEY}\n\n`, 'data: [redacted]\n\n');
  // Up to the last word, which is held until it is known to be no form.
  await pass(`data: key ${REAL_KEY.slice(0, 20)}`, 'data: key ');
  expect(client.received).not.toContain('real_');
  await pass('!\n\n', `${REAL_KEY.slice(0, 20)}!\n\n`);
  await pass('data: last\n\n', 'data: last\n\n');
});

describe('block', () => {
  const echo = { echoScrub: 'block' } as const;
  const piece = 'nothing here, '.repeat(20);

  test.each([
    ['the head', `HTTP/1.1 200 OK\r\nX-Key: ${REAL_KEY}\r\nContent-Length: 2\r\n\r\nok`],
    ['the status message', `HTTP/1.1 200 ${REAL_KEY}\r\nContent-Length: 2\r\n\r\nok`],
    ['a short body', withLength(`{"key":"${REAL_KEY}"}`)],
    ['a binary body', withLength(REAL_KEY, 'Content-Type: application/octet-stream')],
    ['a compressed body', withLength(gzipSync(REAL_KEY), 'Content-Encoding: gzip')],
    ['an encoding that is not read', withLength('xyz', 'Content-Encoding: zstd')],
    ['two encodings', withLength(gzipSync(gzipSync(REAL_KEY)), 'Content-Encoding: gzip, gzip')],
  ])('%s: an error, and the connection goes on', async (_where, bytes) => {
    const { answer, decisions, echoes, usage, store } = await startRig(echo, startProxyBefore);
    for (let count = 0; count < 2; count++) {
      const got = await answer(bytes);
      expect(got).toMatchObject({ status: 502, complete: true });
      expect(got.headers['keyferry-error']).toBe('echo_blocked');
      expect(leaks(got)).toEqual([]);
    }
    expect(decisions.map(({ code }) => code)).toEqual(['echo_blocked', 'echo_blocked']);
    expect(echoes.map(({ action }) => action)).toEqual(['blocked', 'blocked']);
    await usage.flush();
    const { items } = await store.listSecrets({});
    expect(items[0]?.lastUsedAtMs).not.toBeNull();
  });

  test.each([
    ['a later piece', inPieces([piece, `${piece}${REAL_KEY}`])],
    ['a value in two pieces', inPieces([piece + REAL_KEY.slice(0, 9), REAL_KEY.slice(9) + piece])],
    [
      'a trailer',
      Buffer.from(`${CHUNKED}\r\n2\r\nok\r\n0\r\nX-Key: ${REAL_KEY}\r\n\r\n`, 'latin1'),
    ],
  ])('%s: the response is cut', async (_where, bytes) => {
    const rig = await startRig(echo);
    // What had been passed on before may be lost with the connection: no answer at all is right too.
    const got = await rig.answer(bytes).catch(() => undefined);
    expect(await rig.raw.untilClosed()).toBe('reset');
    expect(got?.complete ?? false).toBe(false);
    expect(got === undefined ? [] : leaks(got)).toEqual([]);
    await rig.ended(1);
    expect(rig.decisions).toMatchObject([{ code: 'echo_blocked' }]);
  });

  test('what holds no value passes as it came', async () => {
    const { answer, echoes } = await startRig(echo);
    const headers = ['Digest: sha-256=abc', 'ETag: "a"'];
    const got = await answer(withLength(piece, ...headers));
    expect(got).toMatchObject({ status: 200, body: piece, complete: true });
    expect(got.headerLines.slice(0, 3)).toEqual([`Content-Length: ${piece.length}`, ...headers]);
    expect(await answer(withLength(''))).toMatchObject({ status: 200, body: '', complete: true });
    expect(echoes).toEqual([]);
  });
});

test('under mask an encoding that is not read passes, and is told of', async () => {
  const { answer, echoes, metrics } = await startRig({ echoScrub: 'mask' }, startProxyBefore);
  const got = await answer(withLength('xyz', 'Content-Encoding: zstd', 'Content-Type: text/plain'));
  expect(got).toMatchObject({ status: 200, body: 'xyz', complete: true });
  expect(got.headers['content-encoding']).toBe('zstd');
  expect(echoes).toMatchObject([{ kind: 'unreadable', action: 'passed', secrets: ['api_key'] }]);
  expect((await metrics.text()).text).toContain('keyferry_echo_unreadable_total{route="api"');
});

test('under mask a binary body passes as it is, its head does not', async () => {
  const { answer } = await startRig();
  const got = await answer(
    withLength(REAL_KEY, 'Content-Type: image/png', `X-Key: ${REAL_KEY}`, 'Content-MD5: a'),
  );
  expect(got.body).toBe(REAL_KEY);
  expect(got.headers).toMatchObject({ 'x-key': '[redacted]', 'content-md5': 'a' });
  const types = ['image/svg+xml', 'application/vnd.x+json; a=b', 'text/event-stream', 'a/b', ''];
  for (const type of types) {
    const searched = await answer(withLength(REAL_KEY, `Content-Type: ${type}`));
    expect(searched.body).toBe('[redacted]');
  }
});

test('what a request asks for can be searched', async () => {
  const { answer, heads } = await startRig();
  const asked: [sent: string | undefined, expected: string][] = [
    [undefined, 'identity'],
    ['gzip, deflate, br, zstd', 'gzip, br'],
    ['deflate', 'identity'],
    ['br;q=0.5, GZIP;q=0, zstd', 'br;q=0.5'],
    ['*', 'gzip, br'],
    ['*;q=0.1, br;q=0', 'gzip;q=0.1'],
    ['x-gzip, identity;q=0.5', 'gzip, identity;q=0.5'],
  ];
  for (const [sent, expected] of asked) {
    const more = sent === undefined ? [] : [`Accept-Encoding: ${sent}`];
    await answer(withLength('ok'), 'GET', ['Range: bytes=0-5', 'if_range: "a"', ...more]);
    expect(/\r\naccept-encoding: (.*)\r\n/i.exec(heads.at(-1) ?? '')?.[1]).toBe(expected);
    expect(heads.at(-1)).not.toMatch(/range/i);
  }
});

test('off: nothing is changed either way', async () => {
  const { answer, heads, echoes } = await startRig({ echoScrub: 'off' });
  const own = ['Accept-Encoding: zstd, deflate', 'Range: bytes=0-5', 'If-Range: "a"'];
  const head = [`X-Key: ${REAL_KEY}`, 'Content-Encoding: gzip', 'Digest: a', 'ETag: "a"'];
  const got = await answer(withLength(REAL_KEY, ...head), 'GET', own);
  expect(got).toMatchObject({ status: 200, body: REAL_KEY });
  expect(got.headerLines.slice(1, 5)).toEqual(head);
  for (const line of own) expect(heads[0]).toContain(`\r\n${line}\r\n`);
  expect(echoes).toEqual([]);
});

test('over HTTP/2 on both sides: head, body and trailers are masked', async () => {
  const upstream = createSecureServer({ ...UPSTREAM_CERTIFICATE });
  upstream.on('stream', (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'text/plain', 'x-key': REAL_KEY },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': REAL_KEY }));
    stream.write(`a ${REAL_KEY.slice(0, 10)}`);
    setImmediate(() => stream.end(`${REAL_KEY.slice(10)} z`));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void upstream.close());
  const { port: upstreamPort } = upstream.address() as AddressInfo;
  const route = { http2: true, tls: { ca: TEST_CA } };
  const rig = await startHttp2Proxy(`https://127.0.0.1:${upstreamPort}`, route);
  const session = await http2Session(rig.port);
  const got = await ask(session, { ':path': '/api', 'keyferry-token': rig.token });
  expect(got).toMatchObject({
    status: 200,
    headers: { 'x-key': '[redacted]' },
    body: 'a [redacted] z',
    trailers: { 'x-sum': '[redacted]' },
    complete: true,
  });
  await rig.routes([
    apiRoute(`https://127.0.0.1:${upstreamPort}`, { ...route, echoScrub: 'block' }),
  ]);
  const blocked = await ask(session, { ':path': '/api', 'keyferry-token': rig.token });
  expect(blocked.headers).toMatchObject({ ':status': 502, 'keyferry-error': 'echo_blocked' });
});

test('a status message beyond ASCII is not changed by the search', async () => {
  const { answer } = await startRig();
  const head = 'HTTP/1.1 200 Alles in Ordnung, überall\r\nContent-Length: 2\r\n\r\nok';
  const got = await answer(Buffer.from(head));
  expect(got.statusLine).toBe('HTTP/1.1 200 Alles in Ordnung, überall');
  const value = Buffer.from(head.replace('überall', `ü${REAL_KEY}`));
  expect((await answer(value)).statusLine).toBe('HTTP/1.1 200 Alles in Ordnung, ü[redacted]');
});

test('the head of an upgrade is masked, and blocked where the route says so', async () => {
  const offer = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a'];
  const switched = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Key: ${REAL_KEY}\r\n\r\n`;
  const masked = await startRig({}, startProxyBefore);
  const got = await masked.answer(switched, 'GET', offer);
  expect(got).toMatchObject({ status: 101, headers: { 'x-key': '[redacted]' } });
  const blocked = await startRig({ echoScrub: 'block' }, startProxyBefore);
  const refused = await blocked.answer(switched, 'GET', offer);
  expect(refused.headers).toMatchObject({ 'keyferry-error': 'echo_blocked' });
});

test('an upstream that dies, or does not send what it says, is cut also while decoding', async () => {
  const { answer, connection, decisions, ended } = await startRig();
  const zipped = gzipSync(Buffer.alloc(100_000, 'some text, '));
  const head = `${CHUNKED}Content-Encoding: gzip\r\n`;
  const half = zipped.subarray(0, zipped.length / 2);
  // A clean end of the message, not of what it holds.
  expect((await answer(inPieces([half], head))).complete).toBe(false);
  const broken = await answer(inPieces(['no gzip at all'], head));
  expect(broken.complete && broken.status === 200).toBe(false);
  const cut = answer(Buffer.concat([Buffer.from(`${head}\r\n`), chunk(half)]));
  setTimeout(() => connection().socket.resetAndDestroy(), 50);
  expect((await cut).complete).toBe(false);
  await ended(3);
  expect(decisions.every(({ code }) => code === 'upstream_protocol_error')).toBe(true);
});

test('a value that is too short is told of, and found within what is placed with it', async () => {
  const { answer, echoes, origin, routes, secret } = await startRig({}, startProxyBefore);
  await secret('pin', { production: '73915' });
  await secret('tiny', { production: 'x' });
  const place = (Authorization: string): Promise<void> =>
    routes([apiRoute(origin, { headers: { Authorization } })]);
  await place('Bearer <<secret:pin>>');
  expect(echoes).toMatchObject([{ kind: 'too_short', secrets: ['pin'], route: 'api' }]);
  expect((await answer(withLength('73915, Bearer 73915.'))).body).toBe('73915, [redacted].');
  await place('<<basic:pin,tiny>>');
  const basic = Buffer.from('73915:x').toString('base64');
  expect((await answer(withLength(`Basic ${basic}`))).body).toBe('[redacted]');
  await place('Bearer <<secret:tiny>>');
  expect((await answer(withLength('Bearer xyz'))).body).toBe('Bearer xyz');
  expect(echoes.filter(({ kind }) => kind === 'too_short').at(-1)?.secrets).toEqual(['tiny']);
});
