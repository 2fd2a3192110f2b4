import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { BodyPlacement } from '../../src/core/index.js';
import { type RawClient, rawClient, requestHead } from '../support/raw-client.js';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import {
  type ProxyBefore,
  REAL_KEY,
  shareProxyBefore,
  startProxyBefore,
} from '../support/start-proxy.js';

const proxyBefore = shareProxyBefore();

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const JSON_TYPE = 'Content-Type: application/json';
const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded';

const answering = () => startRawUpstream(({ socket }) => void socket.write(OK));

async function startWith(
  body: BodyPlacement,
): Promise<{ upstream: RawUpstream; rig: ProxyBefore; client: RawClient }> {
  const upstream = await answering();
  const rig = await proxyBefore(upstream.origin, { headers: {}, body });
  return { upstream, rig, client: await rawClient(rig.port) };
}

const lengthOf = (text: string): string => `Content-Length: ${Buffer.byteLength(text, 'latin1')}`;

/** Sends one request with a length and waits until it is answered. */
async function post(
  client: RawClient,
  token: string,
  type: readonly string[],
  body: string,
): Promise<{ status: number; body: string }> {
  const length = [`Content-Length: ${body.length}`];
  client.send(requestHead('POST', '/api/x', token, [...type, ...length]) + body);
  return client.response();
}

describe('a JSON field', () => {
  test('is set in a body with a length, and with that in chunks', async () => {
    const { upstream, rig, client } = await startWith({
      json: { '/auth/key': '<<secret:api_key>>' },
    });
    const body = '{"n":1.0,"auth":{"key":"mine"},"text":"\xc3\xa9"}';
    const expected = body.replace('mine', REAL_KEY);
    const digests = ['Content-MD5: x', 'Digest: x', 'Content-Digest: x', 'X-Other: 1'];
    expect(await post(client, rig.token, [JSON_TYPE, ...digests], body)).toMatchObject({
      status: 200,
    });
    expect(upstream.received.endsWith(`\r\n\r\n${expected}`)).toBe(true);
    expect(upstream.received).toContain(`\r\n${lengthOf(expected).toLowerCase()}\r\n`);
    expect(upstream.received).not.toMatch(/digest|md5/i);
    expect(upstream.received).toContain('X-Other: 1');
    const chunked = requestHead('POST', '/api/x', rig.token, [
      'Content-Type: application/vnd.api+json; charset="UTF-8"',
      'Transfer-Encoding: chunked',
    ]);
    const pieces = [...body].map((character) => `1\r\n${character}\r\n`).join('');
    client.send(`${chunked}${pieces}0\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(upstream.received.endsWith(`\r\n\r\n${expected}`)).toBe(true);
    expect(upstream.received).not.toMatch(/transfer-encoding/i);
  });

  test.each([
    ['not JSON', [JSON_TYPE], '{"a":', 'not JSON (at byte 6)'],
    ['of another type', ['Content-Type: text/plain'], '{}', 'application/json is expected'],
    ['without a type', [], '{}', 'application/json is expected'],
    ['of two types', [JSON_TYPE, JSON_TYPE], '{}', 'one Content-Type'],
    ['in another charset', [`${JSON_TYPE}; charset=utf-16`], '{}', 'in UTF-8'],
    ['a form', [FORM_TYPE], 'a=1', 'application/json is expected'],
    ['encoded', [JSON_TYPE, 'Content-Encoding: gzip'], gzipSync('{}').toString('latin1'), 'plain'],
    ['empty', [JSON_TYPE], '', 'not JSON'],
    ['with the field twice', [JSON_TYPE], '{"key":1,"key":2}', 'more than once'],
  ])('of a body that is %s is not set, and nothing is sent', async (_what, type, body, message) => {
    const { upstream, rig, client } = await startWith({ json: { '/key': '<<secret:api_key>>' } });
    const answer = await post(client, rig.token, type, body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'request_rejected',
      detail: expect.stringContaining(message) as string,
    });
    expect(upstream.connections).toHaveLength(0);
    expect(rig.decisions.at(-1)).toMatchObject({ upstream: undefined, secrets: [] });
  });

  test('needs a body', async () => {
    const { upstream, rig, client } = await startWith({ json: { '/key': '<<secret:api_key>>' } });
    client.send(requestHead('GET', '/api/x', rig.token));
    expect(await client.response()).toMatchObject({ status: 400 });
    expect(upstream.connections).toHaveLength(0);
  });

  test('is refused in a body over its limit, which is named, before and while it comes', async () => {
    const placement = { json: { '/key': '<<secret:api_key>>' }, maxBytes: 100 };
    const { upstream, rig, client } = await startWith(placement);
    const head = requestHead('POST', '/api/x', rig.token, [
      JSON_TYPE,
      'Expect: 100-continue',
      'Content-Length: 101',
    ]);
    const early = await client.send(head).response();
    expect(early).toMatchObject({ status: 413 });
    expect(early.body).toContain('100 bytes');
    expect(early.body).toContain('body.maxBytes');
    const second = await rawClient(rig.port);
    const chunked = [JSON_TYPE, 'Transfer-Encoding: chunked'];
    second.send(requestHead('POST', '/api/x', rig.token, chunked));
    second.send(`65\r\n${' '.repeat(0x65)}\r\n0\r\n\r\n`);
    expect(await second.response()).toMatchObject({ status: 413 });
    const fits = `{"a":"${'x'.repeat(92)}"}`;
    expect(await post(await rawClient(rig.port), rig.token, [JSON_TYPE], fits)).toMatchObject({
      status: 200,
    });
    expect(upstream.connections).toHaveLength(1);
  });

  test('waits for 100-continue where the client does', async () => {
    const { upstream, rig, client } = await startWith({ json: { '/key': '<<secret:api_key>>' } });
    const lines = [JSON_TYPE, 'Expect: 100-continue', 'Content-Length: 2'];
    client.send(requestHead('POST', '/api/x', rig.token, lines));
    expect(await client.response()).toMatchObject({ status: 100 });
    client.send('{}');
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(upstream.received.endsWith(`{"key":"${REAL_KEY}"}`)).toBe(true);
  });

  test('is not placed where the value is no text, and the route says so', async () => {
    const upstream = await answering();
    const rig = await startProxyBefore(upstream.origin, {
      headers: {},
      body: { json: { '/key': 'x<<secret:raw>>' } },
    });
    const { SecretValue } = await import('../../src/core/index.js');
    const actor = { type: 'system', id: 'system', name: 'system' } as const;
    await rig.store.createSecret({ actor, name: 'raw' });
    const value = SecretValue.fromBytes(Uint8Array.of(0xff, 0xfe));
    await rig.store.addVersion({ actor, secret: 'raw', environment: 'production', value });
    await rig.keeper.catchUp();
    const answer = await post(await rawClient(rig.port), rig.token, [JSON_TYPE], '{}');
    expect(answer).toMatchObject({ status: 500 });
    expect(answer.body).toContain('is not UTF-8 text');
  });

  test('of a client that leaves while its body is gathered sends nothing', async () => {
    const { upstream, rig, client } = await startWith({ json: { '/key': '<<secret:api_key>>' } });
    const lines = [JSON_TYPE, 'Content-Length: 20'];
    client.send(`${requestHead('POST', '/api/x', rig.token, lines)}{"a":1`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.destroy();
    await rig.ended(1);
    expect(rig.decisions[0]).toMatchObject({ status: 0, upstream: undefined });
    expect(upstream.connections).toHaveLength(0);
  });
});

describe('a form field', () => {
  test.each([
    ['', `key=${REAL_KEY}`],
    ['a=1', `a=1&key=${REAL_KEY}`],
    ['key=mine&a=%20+x&b', `a=%20+x&b&key=${REAL_KEY}`],
    ['a=1&k%65y=x&KEY=y&key[]=z&+key=w&key', `a=1&key=${REAL_KEY}`],
    ['a=1;key=x&b=2', `a=1&b=2&key=${REAL_KEY}`],
    ['keys=1&xkey=2&a=key=3', `keys=1&xkey=2&a=key=3&key=${REAL_KEY}`],
    ['a=\xff\xfe&%ff=1', `a=\xff\xfe&%ff=1&key=${REAL_KEY}`],
    ['__proto__=1&constructor=2', `__proto__=1&constructor=2&key=${REAL_KEY}`],
  ])('in %j gives %j', async (body, expected) => {
    const { upstream, rig, client } = await startWith({ form: { key: '<<secret:api_key>>' } });
    expect(await post(client, rig.token, [FORM_TYPE], body)).toMatchObject({ status: 200 });
    expect(upstream.received.endsWith(`\r\n\r\n${expected}`)).toBe(true);
    expect(upstream.received).toContain(`\r\n${lengthOf(expected).toLowerCase()}\r\n`);
  });

  test('stands beside JSON: the type of the body decides', async () => {
    const { upstream, rig, client } = await startWith({
      form: { 'client secret': 'x&=<<base64:api_key>>' },
      json: { '/key': '<<basic:api_key,api_key>>' },
    });
    const base64 = Buffer.from(REAL_KEY).toString('base64');
    expect(await post(client, rig.token, [FORM_TYPE], 'a=1')).toMatchObject({ status: 200 });
    const sent = `a=1&client%20secret=${encodeURIComponent(`x&=${base64}`)}`;
    expect(upstream.received.endsWith(`\r\n\r\n${sent}`)).toBe(true);
    expect(await post(client, rig.token, [JSON_TYPE], '{}')).toMatchObject({ status: 200 });
    const basic = `Basic ${Buffer.from(`${REAL_KEY}:${REAL_KEY}`).toString('base64')}`;
    expect(upstream.received.endsWith(`\r\n\r\n{"key":"${basic}"}`)).toBe(true);
    expect(await post(client, rig.token, ['Content-Type: text/plain'], 'x')).toMatchObject({
      status: 400,
    });
  });
});
