import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { AwsOptions, BodyPlacement } from '../../src/core/index.js';
import { SecretValue } from '../../src/core/index.js';
import { signAws } from '../../src/proxy/sign-aws.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { type RawClient, rawClient } from '../support/raw-client.js';
import { eventually, type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import { apiRoute, type ProxyRig, startProxy } from '../support/start-proxy.js';
import {
  type ArrivedRequest,
  awsRefusal,
  expectedSignature,
  headerOf,
  readArrived,
} from '../support/verify-aws-signature.js';

const KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const SESSION = 'FwoGZXIvYXdzEXAMPLE//session+token==';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
const EMPTY_HASH = createHash('sha256').digest('hex');

describe('the examples that AWS publishes', () => {
  // "Signature Calculations for the Authorization Header", Amazon S3 API reference.
  it.each([
    ['lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('S3: ?%s', async (query, signature) => {
    const headers = ['host', 'examplebucket.s3.amazonaws.com'];
    const outgoing = { method: 'GET', path: '/', query, headers, body: null };
    const keys = { accessKeyId: KEY_ID, secretAccessKey: SECRET, sessionToken: undefined };
    await signAws(
      { ...keys, service: 's3', region: 'us-east-1', maxBodyBytes: 0 },
      outgoing,
      undefined,
      () => Promise.reject(new Error('there is no body')),
      Date.UTC(2013, 4, 24),
      () => undefined,
    );
    const text = `GET /?${query} HTTP/1.1\r\n${lines(headers)}\r\n`;
    const arrived = readArrived(text);
    expect(headerOf(arrived, 'authorization')).toBe(
      `AWS4-HMAC-SHA256 Credential=${KEY_ID}/20130524/us-east-1/s3/aws4_request, ` +
        `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    );
    expect(expectedSignature(arrived, { secretAccessKey: SECRET, isS3: true })).toBe(signature);
  });

  // The Signature Version 4 test suite: get-vanilla and get-vanilla-query-order-key-case.
  it.each([
    ['/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('the verifier of these tests, by the test suite: %s', (target, signature) => {
    const arrived = readArrived(
      `GET ${target} HTTP/1.1\r\nHost: example.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n` +
        'Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=host;x-amz-date, Signature=${signature}\r\n\r\n`,
    );
    const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
    expect(expectedSignature(arrived, { secretAccessKey, isS3: false })).toBe(signature);
    expect(awsRefusal(arrived, { secretAccessKey, isS3: false })).toBe('payload hash ');
  });
});

function lines(headers: readonly string[]): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return text;
}

interface AwsRig extends Omit<ProxyRig, 'client'> {
  readonly token: string;
  readonly upstream: RawUpstream;
  readonly client: RawClient;
  /** Sends these bytes, waits for the answer, and gives what arrived. */
  exchange(bytes: string): Promise<{ status: number; body: string; arrived: ArrivedRequest }>;
  refusal(arrived: ArrivedRequest): string | undefined;
}

async function startAws(
  aws: Partial<AwsOptions> = {},
  more: { readonly session?: boolean; readonly body?: BodyPlacement; readonly byHand?: true } = {},
): Promise<AwsRig> {
  const upstream = await startRawUpstream(({ socket }) => {
    if (more.byHand === undefined) socket.write(OK);
  });
  const rig = await startProxy();
  const fields = {
    accessKeyId: KEY_ID,
    secretAccessKey: SECRET,
    ...(more.session === true ? { sessionToken: SESSION } : {}),
  };
  await rig.store.createSecret({ actor: TEST_ACTOR, name: 'aws', kind: 'aws' });
  await rig.store.addVersion({
    actor: TEST_ACTOR,
    secret: 'aws',
    environment: 'production',
    value: SecretValue.fromText(JSON.stringify(fields)),
    fields: Object.keys(fields),
  });
  const options = { credentials: '<<secret:aws>>', service: 's3', region: 'eu-central-1', ...aws };
  const { body } = more;
  await rig.routes([
    apiRoute(upstream.origin, {
      headers: {},
      sign: { aws: options },
      ...(body === undefined ? {} : { body }),
    }),
  ]);
  const { token } = await rig.client('production');
  const client = await rawClient(rig.port);
  return {
    ...rig,
    token,
    upstream,
    client,
    async exchange(bytes) {
      const before = upstream.connections.length;
      const { status, body: answer } = await client.send(bytes).response();
      const received = upstream.connections.slice(before).map((one) => one.received);
      return { status, body: answer, arrived: readArrived(received.join('')) };
    },
    refusal: (arrived) =>
      awsRefusal(arrived, { secretAccessKey: SECRET, isS3: options.service === 's3' }),
  };
}

class Sha256 {
  readonly #hash;
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      key === undefined ? createHash('sha256') : createHmac('sha256', key as Uint8Array | string);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

/** What an SDK sends whose key id is the client's token and whose secret is made up. */
async function asSdk(
  method: string,
  target: string,
  token: string,
  extra: Record<string, string> = {},
  body = '',
  service = 's3',
): Promise<string> {
  const signer = new SignatureV4({
    credentials: { accessKeyId: token, secretAccessKey: 'unused', sessionToken: 'dummy-session' },
    region: 'us-east-1',
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
  });
  const [path = '', query = ''] = target.split('?');
  const signed = await signer.sign({
    method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: { host: 'keyferry', 'content-type': 'text/plain', ...extra },
    ...(body === '' ? {} : { body }),
  });
  const all = { ...signed.headers, 'content-length': String(Buffer.byteLength(body)) };
  return `${method} ${target} HTTP/1.1\r\n${lines(Object.entries(all).flat())}\r\n${body}`;
}

describe('a request that an SDK signed with the token as its key id', () => {
  test.each([false, true])(
    'is signed anew with the stored pair (session token: %s)',
    async (session) => {
      const rig = await startAws({}, { session });
      const { status, arrived } = await rig.exchange(
        await asSdk(
          'PUT',
          '/api/bucket/a%20file',
          rig.token,
          { 'x-amz-meta-a': 'b  c' },
          'content',
        ),
      );
      expect(status).toBe(200);
      expect(rig.refusal(arrived)).toBeUndefined();
      expect(arrived).toMatchObject({ method: 'PUT', target: '/bucket/a%20file', body: 'content' });
      expect(headerOf(arrived, 'authorization')).toContain(`Credential=${KEY_ID}/`);
      expect(headerOf(arrived, 'authorization')).toContain('/eu-central-1/s3/aws4_request');
      expect(headerOf(arrived, 'x-amz-security-token')).toBe(session ? SESSION : '');
      expect(arrived.headers.filter(([name]) => /^authorization$/i.test(name))).toHaveLength(1);
      expect(rig.upstream.received).not.toContain('kfc_');
      expect(rig.upstream.received).not.toContain('dummy-session');
      await rig.ended(1);
      expect(rig.decisions[0]).toMatchObject({ secrets: ['aws@1'], status: 200 });
      expect(JSON.stringify(rig.decisions)).not.toContain(KEY_ID);
    },
  );

  test('is refused with another token, and with none', async () => {
    const rig = await startAws();
    const other = `kfc_${'x'.repeat(60)}`;
    for (const key of [other, 'AKIAIOSFODNN7EXAMPLE']) {
      expect(await rig.exchange(await asSdk('GET', '/api/b', key))).toMatchObject({ status: 401 });
    }
    expect(rig.upstream.connections).toHaveLength(0);
  });

  test('is remembered by its token, whatever the signature', async () => {
    const rig = await startAws();
    for (const path of ['/api/a', '/api/b', '/api/c']) {
      const { status } = await rig.exchange(await asSdk('GET', path, rig.token));
      expect(status).toBe(200);
    }
  });

  test('may be a presigned URL, whose parameters go', async () => {
    const rig = await startAws();
    const presigned = new URLSearchParams({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${rig.token}/20261121/us-east-1/s3/aws4_request`,
      'X-Amz-Date': '20261121T000000Z',
      'X-Amz-Expires': '900',
      'X-Amz-Security-Token': 'dummy-session',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
      'x-id': 'GetObject',
      'X-Amz-Signature': 'f'.repeat(64),
    });
    const { status, arrived } = await rig.exchange(
      `GET /api/b/k?${presigned} HTTP/1.1\r\nHost: k\r\n\r\n`,
    );
    expect(status).toBe(200);
    expect(arrived.target).toBe('/b/k?x-id=GetObject');
    expect(rig.refusal(arrived)).toBeUndefined();
  });
});

describe('a signature', () => {
  const head = (token: string, more = ''): string =>
    `HTTP/1.1\r\nHost: k\r\nKeyferry-Token: ${token}\r\n${more}\r\n`;

  test.each(['s3', 'execute-api'])('of %s covers unusual paths and queries', async (service) => {
    const rig = await startAws({ service });
    const targets = [
      '/api',
      '/api/',
      "/api/a!b'c(d)e*f$g&h+i,j;k=l:m@n",
      '/api/%21%27%28%29%2a%41%7e~',
      '/api/%c3%a9/%E2%82%AC/%ff%fe',
      '/api/a%2Fb/%2525/100%25',
      '/api/x?acl',
      '/api/x?acl=',
      '/api/x?b=2&a=1&a=0&a&A=1&%C3%A9=%E2%82%AC',
      '/api/x?prefix=a+b%2Bc&delimiter=/&marker=%2F',
      '/api/x?a=!\'()*&b=[]{}|^`"<>',
      '/api/x?a=1=2=3&=x&&constructor=1&toString',
      '/api/x?list-type=2&continuation-token=1ue+Gc/7t=',
    ];
    for (const target of targets) {
      const { status, arrived } = await rig.exchange(`GET ${target} ${head(rig.token)}`);
      expect([target, status, rig.refusal(arrived)]).toEqual([target, 200, undefined]);
    }
  });

  test.each(['s3', 'execute-api'])('of %s covers any path and query', async (service) => {
    const rig = await startAws({ service });
    const byte = fc.nat({ max: 255 }).map((code) => `%${code.toString(16).padStart(2, '0')}`);
    const character = fc.constantFrom(..."abzAZ09-._~!$&'()*+,;=:@");
    const letter = fc.constantFrom('a', 'B', '7');
    const segment = fc.tuple(letter, fc.array(fc.oneof(byte, character), { maxLength: 8 }));
    const path = fc
      .array(
        segment.map(([first, rest]) => `/${first}${rest.join('')}`),
        { maxLength: 4 },
      )
      .map((segments) => segments.join(''));
    const text = fc.string({ unit: 'grapheme', maxLength: 5 }).map(encodeURIComponent);
    const raw = fc.array(character, { maxLength: 5 }).map((all) => all.join(''));
    const query = fc
      .array(
        fc.oneof(
          text,
          raw,
          fc.tuple(text, raw).map((pair) => pair.join('=')),
        ),
        { maxLength: 5 },
      )
      .map((pairs) => pairs.join('&'));
    let signed = 0;
    await fc.assert(
      fc.asyncProperty(path, query, async (ownPath, ownQuery) => {
        const target = `/api${ownPath}${ownQuery === '' ? '' : `?${ownQuery}`}`;
        const before = rig.upstream.connections.length;
        const client = await rawClient(rig.port);
        const { status } = await client.send(`GET ${target} ${head(rig.token)}`).response();
        client.socket.destroy();
        // Some paths are none for any route: an encoded NUL, say.
        if (status === 400) return;
        signed++;
        expect(status).toBe(200);
        const arrived = readArrived(rig.upstream.connections[before]?.received ?? '');
        expect(rig.refusal(arrived)).toBeUndefined();
      }),
      { numRuns: 60, seed: 9 },
    );
    expect(signed).toBeGreaterThan(40);
  });

  test('is not made for a query that it cannot cover', async () => {
    const rig = await startAws();
    for (const query of ['a=%ff', '%e2%82=1', '__proto__=1', '%5f_proto__']) {
      const client = await rawClient(rig.port);
      const answer = await client.send(`GET /api/x?${query} ${head(rig.token)}`).response();
      expect(answer).toMatchObject({ status: 400 });
      expect(answer.body).toContain('AWS signatures cannot cover that');
    }
    expect(rig.upstream.connections).toHaveLength(0);
  });

  test('covers headers that come twice, in UTF-8, and with spaces', async () => {
    const rig = await startAws();
    const more =
      'x-amz-meta-a: one\r\nX-Amz-Meta-A:   two   three \r\nx-amz-meta-\xe9: \r\nx-amz-meta-u: \xc3\xa9\r\n';
    const sent = more.replace('x-amz-meta-\xe9: \r\n', '');
    const { status, arrived } = await rig.exchange(`GET /api/x ${head(rig.token, sent)}`);
    expect(status).toBe(200);
    expect(rig.refusal(arrived)).toBeUndefined();
    expect(headerOf(arrived, 'authorization')).toContain('x-amz-meta-a;x-amz-meta-u');
  });

  test('follows the clock of the server', async () => {
    const rig = await startAws();
    const first = await rig.exchange(`GET /api/x ${head(rig.token)}`);
    rig.clock.advance(24 * 3_600_000);
    const second = await rig.exchange(`GET /api/x ${head(rig.token)}`);
    const dates = [first, second].map(({ arrived }) => headerOf(arrived, 'x-amz-date'));
    expect(dates[0]).not.toBe(dates[1]);
    expect([first, second].map(({ arrived }) => rig.refusal(arrived))).toEqual([
      undefined,
      undefined,
    ]);
    expect(dates[0]).toBe(
      `${new Date(rig.clock.now() - 86_400_000).toISOString().replace(/[-:]|\.\d+/g, '')}`,
    );
  });
});

describe('a body', () => {
  const put = (token: string, lines: string, body: string): string =>
    `PUT /api/b/k HTTP/1.1\r\nHost: k\r\nKeyferry-Token: ${token}\r\n${lines}\r\n${body}`;

  test('streams to S3: unsigned without a hash of it, else with the client’s', async () => {
    const rig = await startAws({}, { byHand: true });
    const hash = createHash('sha256').update('first,last').digest('hex');
    for (const [line, signed] of [
      ['', 'UNSIGNED-PAYLOAD'],
      ['X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n', 'UNSIGNED-PAYLOAD'],
      [`X-Amz-Content-Sha256: ${hash}\r\n`, hash],
    ] as const) {
      const before = rig.upstream.connections.length;
      rig.client.send(put(rig.token, `${line}Transfer-Encoding: chunked\r\n`, '6\r\nfirst,\r\n'));
      await eventually(
        () => rig.upstream.connections[before]?.received.includes('first,') ?? false,
      );
      rig.client.send('4\r\nlast\r\n0\r\n\r\n');
      await eventually(
        () => rig.upstream.connections[before]?.received.endsWith('0\r\n\r\n') ?? false,
      );
      rig.upstream.connections[before]?.socket.write(OK);
      expect(await rig.client.response()).toMatchObject({ status: 200 });
      const arrived = readArrived(rig.upstream.connections[before]?.received ?? '');
      expect(headerOf(arrived, 'x-amz-content-sha256')).toBe(signed);
      expect(arrived.body).toBe('first,last');
      expect(rig.refusal(arrived)).toBeUndefined();
    }
  });

  test('in unsigned chunks with a checksum at their end passes as it is', async () => {
    const rig = await startAws();
    const chunks = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
    const { status, arrived } = await rig.exchange(
      put(
        rig.token,
        'X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nContent-Encoding: aws-chunked\r\n' +
          'X-Amz-Decoded-Content-Length: 5\r\nX-Amz-Trailer: x-amz-checksum-crc32\r\n' +
          `Content-Length: ${chunks.length}\r\n`,
        chunks,
      ),
    );
    expect(status).toBe(200);
    expect(rig.refusal(arrived)).toBeUndefined();
    expect(arrived.body).toBe(chunks);
    expect(headerOf(arrived, 'x-amz-trailer')).toBe('x-amz-checksum-crc32');
  });

  const chunk = (content: string): string =>
    `${content.length.toString(16)};chunk-signature=${'a'.repeat(64)}\r\n${content}\r\n`;
  const SIGNED = 'X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD';

  test.each([
    ['as one piece', 1e9],
    ['byte by byte', 1],
  ])(
    'of chunks that the client signed is sent without their signatures, %s',
    async (_what, step) => {
      const rig = await startAws({}, { byHand: true });
      const content = `first\r\n${'x'.repeat(300)}`;
      const cases = [
        [
          `${SIGNED}\r\nContent-Encoding: aws-chunked\r\n`,
          chunk('first\r\n') + chunk('x'.repeat(300)) + chunk(''),
          'UNSIGNED-PAYLOAD',
          content,
          '',
        ],
        [
          `${SIGNED}-TRAILER\r\nContent-Encoding: gzip, aws-chunked\r\nX-Amz-Trailer: x-amz-checksum-crc32\r\n`,
          `${chunk(content)}0;chunk-signature=${'b'.repeat(64)}\r\nx-amz-checksum-crc32:NhCmhg==\r\n` +
            `x-amz-trailer-signature:${'c'.repeat(64)}\r\n\r\n`,
          'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          `${content.length.toString(16)}\r\n${content}\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n`,
          'gzip, aws-chunked',
        ],
      ] as const;
      for (const [index, [lines, body, hash, sent, encoding]] of cases.entries()) {
        const length = `X-Amz-Decoded-Content-Length: ${content.length}\r\nContent-Length: ${body.length}\r\n`;
        rig.client.send(put(rig.token, lines + length, ''));
        for (let at = 0; at < body.length; at += step) {
          rig.client.send(body.slice(at, at + step));
          if (step === 1 && at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const received = (): string => rig.upstream.connections[index]?.received ?? '';
        const last = index === 0 ? sent : '0\r\n\r\n';
        await eventually(() => received().includes('\r\n\r\n') && received().endsWith(last));
        rig.upstream.connections[index]?.socket.write(OK);
        expect(await rig.client.response()).toMatchObject({ status: 200 });
        const arrived = readArrived(received());
        expect(rig.refusal(arrived)).toBeUndefined();
        expect(arrived.body).toBe(sent);
        expect(headerOf(arrived, 'x-amz-content-sha256')).toBe(hash);
        expect(headerOf(arrived, 'content-encoding')).toBe(encoding);
        expect(headerOf(arrived, 'content-length')).toBe(index === 0 ? `${content.length}` : '');
        expect(received()).not.toMatch(/[abc]{64}/);
      }
    },
  );

  test.each([
    ['without its length', '', chunk('abc') + chunk('')],
    [
      'with a length that is none',
      'X-Amz-Decoded-Content-Length: 3,3\r\n',
      chunk('abc') + chunk(''),
    ],
    ['longer than said', 'X-Amz-Decoded-Content-Length: 2\r\n', chunk('abc') + chunk('')],
    ['shorter than said', 'X-Amz-Decoded-Content-Length: 4\r\n', chunk('abc') + chunk('')],
    ['that is not chunked', 'X-Amz-Decoded-Content-Length: 3\r\n', 'abc\r\n'],
    ['with a wrong size', 'X-Amz-Decoded-Content-Length: 3\r\n', '3\r\nabcd\r\n0\r\n\r\n'],
    ['with bare line feeds', 'X-Amz-Decoded-Content-Length: 3\r\n', '3\nabc\n0\n\n'],
    [
      'with more after its end',
      'X-Amz-Decoded-Content-Length: 3\r\n',
      `${chunk('abc')}${chunk('')}x`,
    ],
    ['that ends early', 'X-Amz-Decoded-Content-Length: 3\r\n', chunk('abc')],
    ['with a line without end', 'X-Amz-Decoded-Content-Length: 3\r\n', `3;${'x'.repeat(2000)}`],
  ])(
    'of signed chunks %s is refused, and never whole at the upstream',
    async (_what, line, body) => {
      const rig = await startAws({}, { byHand: true });
      const lines = `${SIGNED}\r\n${line}Content-Length: ${body.length}\r\n`;
      const { status, body: answer } = await rig.client
        .send(put(rig.token, lines, body))
        .response();
      expect(status).toBe(400);
      expect(answer).toContain('request_rejected');
      for (const { received } of rig.upstream.connections) {
        expect(received).not.toMatch(/\r\n\r\n(?:abc$|ab$)/);
      }
    },
  );

  test('of signed chunks ends with the client that sends it, or with the upstream', async () => {
    const rig = await startAws({}, { byHand: true });
    const lines = `${SIGNED}\r\nX-Amz-Decoded-Content-Length: 100\r\nContent-Length: 300\r\n`;
    rig.client.send(put(rig.token, lines, chunk('first')));
    await eventually(() => rig.upstream.received.includes('first'));
    rig.client.socket.destroy();
    await rig.ended(1);
    expect(rig.decisions[0]).toMatchObject({ status: 0 });
    await eventually(() => rig.upstream.connections[0]?.closed === true);
    const second = (await rawClient(rig.port)).send(put(rig.token, lines, chunk('other')));
    await eventually(() => rig.upstream.received.includes('other'));
    rig.upstream.connections[1]?.socket.destroy();
    expect(await second.response()).toMatchObject({ status: 502 });
  });

  test('of signed chunks is not taken for another service', async () => {
    const rig = await startAws({ service: 'dynamodb' });
    const lines = `${SIGNED}\r\nX-Amz-Decoded-Content-Length: 0\r\nContent-Length: 86\r\n`;
    const { status } = await rig.client.send(put(rig.token, lines, chunk(''))).response();
    expect(status).toBe(400);
    expect(rig.upstream.connections).toHaveLength(0);
  });

  test('is gathered and hashed for other services, up to the limit, which is named', async () => {
    const rig = await startAws({ service: 'dynamodb', maxBodyBytes: 10 });
    const { status, arrived } = await rig.exchange(
      put(rig.token, 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n'),
    );
    expect(status).toBe(200);
    expect(rig.refusal(arrived)).toBeUndefined();
    expect(arrived.body).toBe('helloworld');
    for (const [line, body] of [
      ['Content-Length: 11\r\n', 'hello world'],
      ['Transfer-Encoding: chunked\r\n', 'b\r\nhello world\r\n0\r\n\r\n'],
      ['X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\nContent-Length: 11\r\n', 'hello world'],
    ] as const) {
      const answer = await (await rawClient(rig.port)).send(put(rig.token, line, body)).response();
      expect(answer).toMatchObject({ status: 413 });
      expect(answer.body).toContain('10 bytes (its option \\"sign.aws.maxBodyBytes\\")');
    }
    // The client's own hash needs no gathering: the service compares it.
    const hash = createHash('sha256').update('hello world').digest('hex');
    const hashed = `X-Amz-Content-Sha256: ${hash}\r\nContent-Length: 11\r\n`;
    const long = await rig.exchange(put(rig.token, hashed, 'hello world'));
    expect([long.status, rig.refusal(long.arrived)]).toEqual([200, undefined]);
  });

  test('that is changed is hashed as it is sent', async () => {
    const rig = await startAws({}, { body: { json: { '/key': '<<secret:aws.accessKeyId>>' } } });
    const stale = `X-Amz-Content-Sha256: ${EMPTY_HASH}\r\nContent-Type: application/json\r\n`;
    const { status, arrived } = await rig.exchange(
      put(rig.token, `${stale}Content-Length: 2\r\n`, '{}'),
    );
    expect([status, rig.refusal(arrived)]).toEqual([200, undefined]);
    expect(arrived.body).toBe(`{"key":"${KEY_ID}"}`);
  });
});
