import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue } from '../../src/core/index.js';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';
import { apiRoute, startProxyBefore } from '../support/start-proxy.js';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';

describe('what only the request itself decides is done anew for the second attempt', () => {
  it('fields of its body', async () => {
    const upstream = await startUpstream((seen, response) => {
      const isGood = seen.body.includes(OLD_KEY);
      sendAnswer(response, { status: isGood ? 200 : 401, body: isGood ? 'good' : 'no' });
    });
    const rig = await startCutover(upstream.origin, {
      headers: {},
      body: { json: { '/auth/key': '<<secret:api_key>>' } },
    });
    rig.canary();
    const headers = { 'content-type': 'application/json' };
    expect(await sendRequest(rig, { body: '{"a":1}', headers })).toMatchObject({ status: 200 });
    expect(upstream.seen.map(({ body }) => JSON.parse(body.toString()))).toEqual([
      { a: 1, auth: { key: NEW_KEY } },
      { a: 1, auth: { key: OLD_KEY } },
    ]);
  });

  it('a signature, with the time of the second one', async () => {
    const upstream = await startUpstream((seen, response) => {
      const at = String(seen.headers['x-timestamp']);
      const mac = createHmac('sha256', OLD_KEY).update(`${at}.${seen.body}`).digest('hex');
      rig.clock.advance(5000);
      sendAnswer(response, { status: seen.headers['x-signature'] === mac ? 200 : 401, body: at });
    });
    const rig = await startCutover(upstream.origin, {
      headers: {},
      sign: {
        hmac: {
          key: '<<secret:api_key>>',
          canonical: '<<timestamp>>.<<body>>',
          header: 'X-Signature',
          timestamp: { header: 'X-Timestamp', format: 'seconds' },
        },
      },
    });
    rig.canary();
    expect(await sendRequest(rig, { body: ['a ', 'body'] })).toMatchObject({ status: 200 });
    const [first, second] = upstream.seen.map(({ headers }) => Number(headers['x-timestamp']));
    expect((second ?? 0) - (first ?? 0)).toBe(5);
  });
});

describe('a client that leaves', () => {
  it('while its refusal is held is no observation, and leaves nothing behind', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    upstream.pace = (key) => (key === OLD_KEY ? new Promise(() => undefined) : undefined);
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const client = await rawClient(rig.port);
    client.send(`${requestHead('POST', '/api/x', rig.token, ['Content-Length: 5'])}hello`);
    await eventually(() => upstream.seen.length === 2);
    client.socket.destroy();
    await rig.ended(1);
    expect(rig.decisions).toMatchObject([{ status: 0, secrets: ['api_key@1'], retried: true }]);
    const observed = await rig.observed();
    for (const { accepted, refused, failed, pairedRefusals, sharedRefusals } of observed) {
      expect([accepted, refused, failed, pairedRefusals, sharedRefusals]).toEqual([0, 0, 0, 0, 0]);
    }
    const usage = await rig.store.usageOf('api_key');
    expect(usage.map(({ version, refused, failed }) => [version, refused, failed])).toEqual([
      [1, 0, 1],
      [2, 1, 0],
    ]);
  });
});

describe('limits and circuits', () => {
  it('count a request once, however often it is sent', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    const rig = await startCutover(upstream.origin, {
      limits: { concurrentRequests: 1, requestsPerSecond: 1, burst: 2 },
    });
    rig.canary();
    expect((await sendRequest(rig)).status).toBe(200);
    expect((await sendRequest(rig)).status).toBe(200);
    expect((await sendRequest(rig)).status).toBe(429);
    expect(upstream.seen.length).toBe(4);
  });

  it('an answered probe closes the circuit, also where its answer is swallowed', async () => {
    let isDown = true;
    const upstream = await startRawUpstream(({ socket }, head) => {
      if (isDown) return;
      const status = head.includes(NEW_KEY) ? 401 : 200;
      socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
    });
    const rig = await startCutover(upstream.origin, {
      circuitBreaker: { failures: 1, openMs: 100, countServerErrors: true },
      timeouts: { headersMs: 100 },
    });
    rig.canary();
    expect((await sendRequest(rig)).status).toBe(504);
    expect(rig.proxy.traffic().circuits).toMatchObject([{ state: 'open' }]);
    isDown = false;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await sendRequest(rig)).status).toBe(200);
    expect(rig.proxy.traffic().circuits).toEqual([]);
  });

  it('a drain waits for the second attempt', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    let answer: () => void = () => undefined;
    upstream.pace = (key) =>
      key === OLD_KEY
        ? new Promise<void>((resolve) => {
            answer = resolve;
          })
        : undefined;
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = sendRequest(rig, { body: 'hello' });
    await eventually(() => upstream.seen.length === 2);
    const closed = rig.proxy.close(5000);
    answer();
    expect(await reply).toMatchObject({
      status: 200,
      body: 'taken: hello',
      headers: { connection: 'close' },
    });
    await closed;
  });
});

describe('a signature of AWS', () => {
  it('is made anew with the keys of the other version, over a body that is rewritten as it streams too', async () => {
    const idOf = (version: number): string => `AKIAVERSION${version}EXAMPLE`;
    const upstream = await startUpstream((seen, response) => {
      rig.clock.advance(60_000);
      const isGood = seen.headers.authorization?.includes(`Credential=${idOf(1)}/`);
      sendAnswer(response, { status: isGood ? 200 : 401, body: seen.body.toString() });
    });
    const rig = await startProxyBefore(upstream.origin);
    const at = { actor: TEST_ACTOR, secret: 'aws', environment: 'production' };
    await rig.store.createSecret({ actor: TEST_ACTOR, name: 'aws' });
    for (const version of [1, 2]) {
      const fields = { accessKeyId: idOf(version), secretAccessKey: `secret/of/${version}+++++++` };
      const value = SecretValue.fromText(JSON.stringify(fields));
      await rig.store.addVersion({ ...at, value, fields: Object.keys(fields) });
    }
    const sign = { aws: { credentials: '<<secret:aws>>', service: 's3', region: 'eu-west-1' } };
    await rig.routes([apiRoute(upstream.origin, { headers: {}, sign })]);
    const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [99, 100], stickyClients: false };
    const { id } = await rig.store.startCutover({ ...at, toVersion: 2, toSecret: null, settings });
    const place = { ifState: 'PENDING', ifStep: 0, evidence: null } as const;
    await rig.store.advanceCutover({ actor: TEST_ACTOR, id, ...place });
    await rig.store.advanceCutover({ actor: TEST_ACTOR, id, ...place, ifState: 'CANARY' });
    await rig.keeper.catchUp();
    const chunk = (text: string): string =>
      `${text.length.toString(16)};chunk-signature=${'a'.repeat(64)}\r\n${text}\r\n`;
    const pieces = [chunk('first '), chunk('second'), chunk('')];
    const headers = {
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'x-amz-decoded-content-length': 12,
      'content-encoding': 'aws-chunked',
      'content-length': pieces.join('').length,
    };
    const chunked = await sendRequest(rig, { method: 'PUT', headers, body: pieces.join('') });
    expect(chunked).toMatchObject({ status: 200, body: 'first second' });
    const plain = await sendRequest(rig, { method: 'PUT', body: 'plain' });
    expect(plain).toMatchObject({ status: 200, body: 'plain' });
    const sent = upstream.seen.map(({ headers: found, body }) => [
      /Credential=(\w+)/.exec(found.authorization ?? '')?.[1],
      body.toString(),
    ]);
    expect(sent).toEqual([
      [idOf(2), 'first second'],
      [idOf(1), 'first second'],
      [idOf(2), 'plain'],
      [idOf(1), 'plain'],
    ]);
    expect(new Set(upstream.seen.map((seen) => seen.headers['x-amz-date'])).size).toBe(4);
  });
});

describe('while a version is tried', () => {
  it('a WebSocket opens with it, and long bodies stream both ways', async () => {
    const long = 'x'.repeat(3_000_000);
    const heads: string[] = [];
    const upstream = await startRawUpstream(({ socket }, head) => {
      heads.push(head);
      if (head.includes('upgrade')) {
        socket.write('HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
      } else {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`);
      }
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const client = await rawClient(rig.port);
    const offer = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAA'];
    client.send(requestHead('GET', '/api/ws', rig.token, [...offer, 'Sec-WebSocket-Version: 13']));
    expect(await client.until((text) => text.includes('hello'))).toContain('101 Switching');
    client.socket.destroy();
    const reply = await sendRequest(rig, { body: long });
    expect([reply.status, reply.body === long, reply.complete]).toEqual([200, true, true]);
    for (const head of heads) expect(head).toContain(NEW_KEY);
    expect(heads).toHaveLength(2);
  });
});
