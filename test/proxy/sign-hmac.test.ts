import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { HmacOptions } from '../../src/core/index.js';
import { type RawClient, rawClient, requestHead } from '../support/raw-client.js';
import { eventually, type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import { type ProxyBefore, REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { type ArrivedRequest, headerOf, readArrived } from '../support/verify-aws-signature.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
const BASE: HmacOptions = {
  key: '<<secret:api_key>>',
  canonical: '<<method>> <<target>>',
  header: 'X-Signature',
};

async function startSigning(
  hmac: Partial<HmacOptions>,
  answers = true,
): Promise<{ rig: ProxyBefore; upstream: RawUpstream; client: RawClient }> {
  const upstream = await startRawUpstream(({ socket }) => {
    if (answers) socket.write(OK);
  });
  const rig = await startProxyBefore(upstream.origin, {
    headers: { 'X-Key-Id': 'key-1' },
    sign: { hmac: { ...BASE, ...hmac } },
  });
  return { rig, upstream, client: await rawClient(rig.port) };
}

async function arrivedFrom(
  { rig, upstream, client }: Awaited<ReturnType<typeof startSigning>>,
  method: string,
  target: string,
  lines: readonly string[] = [],
  body = '',
): Promise<ArrivedRequest> {
  client.send(requestHead(method, target, rig.token, lines) + body);
  expect(await client.response()).toMatchObject({ status: 200 });
  return readArrived(upstream.connections.at(-1)?.received ?? '');
}

const mac = (text: string, algorithm = 'sha256', key: string | Buffer = REAL_KEY) =>
  createHmac(algorithm, key).update(text, 'latin1');

describe('the signed text', () => {
  test('is made of what is sent', async () => {
    const all = [
      '<<method>>|<<path>>|<<query>>|<<target>>|<<host>>|<<header:X-A>>|<<header:x-key-id>>|',
      '<<header:absent>>|<<timestamp>>|<<nonce>>|<<bodyHash>>|<<body>>|é|<<base64:api_key>>|{{secret:api_key}}',
    ].join('\n');
    const started = await startSigning({
      canonical: all,
      timestamp: { header: 'X-Time', format: 'iso8601' },
      nonce: { header: 'X-Nonce' },
    });
    const body = 'content \xff\x00 <<secret:api_key>>';
    const arrived = await arrivedFrom(
      started,
      'POST',
      '/api/a%20b?x=<<body>>&y=%7e',
      ['X-A: 1', 'x-a: <<nonce>>', `Content-Length: ${body.length}`],
      body,
    );
    const [time, nonce] = [headerOf(arrived, 'x-time'), headerOf(arrived, 'x-nonce')];
    expect(time).toBe(new Date(started.rig.clock.now()).toISOString().replace(/\.\d+/, ''));
    expect(nonce).toMatch(/^[0-9a-f]{32}$/);
    const hash = createHash('sha256').update(body, 'latin1').digest('hex');
    const host = started.upstream.origin.slice('http://'.length);
    const base64 = Buffer.from(REAL_KEY).toString('base64');
    const text =
      `POST|/a%20b|x=<<body>>&y=%7e|/a%20b?x=<<body>>&y=%7e|${host}|1, <<nonce>>|key-1|\n` +
      `|${time}|${nonce}|${hash}|${body}|\xc3\xa9|${base64}|${REAL_KEY}`;
    expect(headerOf(arrived, 'x-signature')).toBe(mac(text).digest('hex'));
    expect(arrived.body).toBe(body);
  });

  test.each([
    ['sha256', 'hex'],
    ['sha512', 'base64'],
    ['sha1', 'base64url'],
  ] as const)('is hashed by %s and written in %s', async (algorithm, encoding) => {
    const started = await startSigning({ algorithm, encoding, prefix: 'v1=' });
    const arrived = await arrivedFrom(started, 'GET', '/api/x?a=1');
    expect(headerOf(arrived, 'x-signature')).toBe(
      `v1=${mac('GET /x?a=1', algorithm).digest(encoding)}`,
    );
  });

  test('may have a body hash of its own kind, and none of a body that is not there', async () => {
    const started = await startSigning({
      canonical: '<<bodyHash>>',
      bodyHash: { algorithm: 'sha512', encoding: 'base64' },
    });
    const hash = (body: string) => createHash('sha512').update(body).digest('base64');
    const none = await arrivedFrom(started, 'GET', '/api/x');
    expect(headerOf(none, 'x-signature')).toBe(mac(hash('')).digest('hex'));
    const chunked = ['Transfer-Encoding: chunked'];
    const some = await arrivedFrom(started, 'PUT', '/api/x', chunked, '3\r\nabc\r\n0\r\n\r\n');
    expect(headerOf(some, 'x-signature')).toBe(mac(hash('abc')).digest('hex'));
    expect(some.body).toBe('abc');
  });

  test('covers the body as it is sent, fields set', async () => {
    const upstream = await startRawUpstream(({ socket }) => void socket.write(OK));
    const rig = await startProxyBefore(upstream.origin, {
      headers: {},
      path: '/p<<secret:api_key>>',
      query: { key: '<<secret:api_key>>' },
      body: { form: { secret: '<<secret:api_key>>' } },
      sign: { hmac: { ...BASE, canonical: '<<target>>|<<body>>|<<header:content-length>>' } },
    });
    const client = await rawClient(rig.port);
    const type = ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 3'];
    client.send(`${requestHead('POST', '/api/x?key=mine&b', rig.token, type)}a=1`);
    expect(await client.response()).toMatchObject({ status: 200 });
    const arrived = readArrived(upstream.received);
    const body = `a=1&secret=${REAL_KEY}`;
    expect(arrived).toMatchObject({ target: `/p${REAL_KEY}/x?b&key=${REAL_KEY}`, body });
    expect(headerOf(arrived, 'x-signature')).toBe(
      mac(`${arrived.target}|${body}|${body.length}`).digest('hex'),
    );
  });
});

describe('a key', () => {
  test.each([
    ['hex', '00ff10'],
    ['base64', 'AP8Q'],
  ] as const)('may be written in %s', async (keyEncoding, written) => {
    const started = await startSigning({ key: '<<secret:written>>', keyEncoding });
    await started.rig.secret('written', { production: written });
    const arrived = await arrivedFrom(started, 'GET', '/api/x');
    const key = Buffer.from([0, 255, 16]);
    expect(headerOf(arrived, 'x-signature')).toBe(mac('GET /x', 'sha256', key).digest('hex'));
  });

  test('that is not written as the route says fails the route', async () => {
    const { rig, client, upstream } = await startSigning({ keyEncoding: 'hex' });
    client.send(requestHead('GET', '/api/x', rig.token));
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 500 });
    expect(answer.body).toContain('is not written as hex');
    expect(answer.body).not.toContain(REAL_KEY);
    expect(upstream.connections).toHaveLength(0);
  });
});

describe('the headers of a signature', () => {
  test.each([
    ['seconds', (ms: number) => String(Math.floor(ms / 1000))],
    ['milliseconds', (ms: number) => String(ms)],
    ['iso8601', (ms: number) => new Date(ms).toISOString().replace(/\.\d+/, '')],
    ['http', (ms: number) => new Date(ms).toUTCString()],
  ] as const)('carry the time in %s, and replace the client’s', async (format, expected) => {
    const started = await startSigning({
      canonical: '<<timestamp>>',
      timestamp: { header: 'X-Time', format },
      nonce: { header: 'X-Nonce' },
    });
    const own = ['x-time: 1', 'X_Nonce: 2', 'x-signature: 3', 'X-Signature: 4'];
    const arrived = await arrivedFrom(started, 'GET', '/api/x', own);
    expect(headerOf(arrived, 'x-time')).toBe(expected(started.rig.clock.now()));
    expect(headerOf(arrived, 'x-nonce')).toMatch(/^[0-9a-f]{32}$/);
    expect(headerOf(arrived, 'x-signature')).toBe(
      mac(expected(started.rig.clock.now())).digest('hex'),
    );
    expect(headerOf(arrived, 'x_nonce')).toBe('');
  });

  test('may hold time and nonce before the signature', async () => {
    const started = await startSigning({
      canonical: '<<timestamp>>.<<nonce>>',
      prefix: 't=<<timestamp>>,n=<<nonce>>,k=<<secret:api_key>>,v1=',
    });
    const arrived = await arrivedFrom(started, 'GET', '/api/x');
    const [, time, nonce, signature] =
      /^t=(\d+),n=([0-9a-f]{32}),k=[^,]+,v1=(.+)$/.exec(headerOf(arrived, 'x-signature')) ?? [];
    expect(signature).toBe(mac(`${time}.${nonce}`).digest('hex'));
  });

  test('take the client’s token in place of the signature', async () => {
    const { rig, upstream, client } = await startSigning({});
    client.send(`GET /api/x HTTP/1.1\r\nHost: k\r\nX-Signature: ${rig.token}\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(upstream.received).not.toContain('kfc_');
  });

  test('are another nonce each time', async () => {
    const started = await startSigning({ canonical: 'x', nonce: { header: 'X-Nonce' } });
    const nonces = new Set<string>();
    for (let i = 0; i < 5; i++) {
      nonces.add(headerOf(await arrivedFrom(started, 'GET', '/api/x'), 'x-nonce'));
    }
    expect(nonces.size).toBe(5);
  });
});

describe('a body', () => {
  test('streams where the signature does not cover it', async () => {
    const { rig, upstream, client } = await startSigning({}, false);
    client.send(requestHead('PUT', '/api/x', rig.token, ['Transfer-Encoding: chunked']));
    client.send('5\r\nfirst\r\n');
    await eventually(() => upstream.received.includes('first'));
    client.send('0\r\n\r\n');
    await eventually(() => upstream.received.endsWith('0\r\n\r\n'));
    upstream.connections[0]?.socket.write(OK);
    expect(await client.response()).toMatchObject({ status: 200 });
  });

  test('is refused over the limit, which is named, and nothing is sent', async () => {
    const { rig, upstream, client } = await startSigning({
      canonical: '<<body>>',
      maxBodyBytes: 4,
    });
    client.send(`${requestHead('PUT', '/api/x', rig.token, ['Content-Length: 5'])}hello`);
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 413 });
    expect(answer.body).toContain('4 bytes (its option \\"sign.hmac.maxBodyBytes\\")');
    expect(upstream.connections).toHaveLength(0);
  });

  test('that stalls while it is gathered ends its request', async () => {
    const upstream = await startRawUpstream(({ socket }) => void socket.write(OK));
    const rig = await startProxyBefore(
      upstream.origin,
      { headers: {}, sign: { hmac: { ...BASE, canonical: '<<body>>' } } },
      { limits: { bodyIdleMs: 100 } },
    );
    const client = await rawClient(rig.port);
    client.send(`${requestHead('PUT', '/api/x', rig.token, ['Content-Length: 5'])}he`);
    expect(await client.response()).toMatchObject({ status: 408 });
    expect(upstream.connections).toHaveLength(0);
  });
});
