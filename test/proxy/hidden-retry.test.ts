import { describe, expect, it } from 'vitest';
import type { CutoverCounts } from '../../src/core/index.js';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { type CutoverRig, NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';
import { ask, http2Session, startHttp2Proxy } from '../support/start-http2-proxy.js';

const KIB = 1024;

/** The counts of both sides, without those that are 0. */
async function counts(rig: CutoverRig): Promise<Record<string, Partial<CutoverCounts>>> {
  const bySide: Record<string, Record<string, number>> = {};
  for (const {
    side,
    cutoverId: _,
    step: _step,
    route: _route,
    clientId: _client,
    ...more
  } of await rig.observed()) {
    bySide[side] ??= {};
    for (const [name, count] of Object.entries(more)) {
      if (count > 0) bySide[side][name] = (bySide[side][name] ?? 0) + count;
    }
  }
  return bySide;
}

describe('a refused request', () => {
  it('is sent once more with the other version, in both directions', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = await sendRequest(rig, { body: 'hello' });
    expect(reply).toMatchObject({
      status: 200,
      body: 'taken: hello',
      headers: { 'x-status': '200' },
    });
    rig.window();
    expect(await sendRequest(rig)).toMatchObject({ status: 200, body: 'taken: ' });
    upstream.accepts.clear();
    upstream.accepts.add(NEW_KEY);
    rig.canary({ share: 0 });
    expect(await sendRequest(rig, { body: ['in ', 'chunks'] })).toMatchObject({
      body: 'taken: in chunks',
    });
    expect(upstream.seen).toMatchObject([
      { key: NEW_KEY, body: 'hello', method: 'POST' },
      { key: OLD_KEY, body: 'hello', method: 'POST' },
      { key: NEW_KEY, body: '', method: 'GET' },
      { key: OLD_KEY, body: '', method: 'GET' },
      { key: OLD_KEY, body: 'in chunks' },
      { key: NEW_KEY, body: 'in chunks' },
    ]);
    expect(rig.decisions).toMatchObject([
      { status: 200, secrets: ['api_key@1'], retried: true },
      { status: 200, secrets: ['api_key@1'], retried: true },
      { status: 200, secrets: ['api_key@2'], retried: true },
    ]);
    expect(await counts(rig)).toEqual({
      new: { accepted: 1, refused: 2, pairedRefusals: 2 },
      old: { accepted: 2, refused: 1, pairedRefusals: 1 },
    });
    const usage = await rig.store.usageOf('api_key');
    expect(usage.map(({ version, accepted, refused }) => [version, accepted, refused])).toEqual([
      [1, 2, 1],
      [2, 1, 2],
    ]);
  });

  it('that both refuse is answered with the second refusal, and counts against neither', async () => {
    let answers = 0;
    const upstream = await startRawUpstream(({ socket }) => {
      answers++;
      socket.write(
        `HTTP/1.1 401 No\r\nX-Answer: ${answers}\r\nContent-Length: 2\r\n\r\n#${answers}`,
      );
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = await sendRequest(rig);
    expect(reply).toMatchObject({ status: 401, body: '#2', headers: { 'x-answer': '2' } });
    expect(answers).toBe(2);
    expect(await counts(rig)).toEqual({
      new: { refused: 1, sharedRefusals: 1 },
      old: { refused: 1, sharedRefusals: 1 },
    });
  });

  it('gives nothing of the swallowed refusal to the client', async () => {
    const upstream = await startRawUpstream(({ socket }, head) => {
      const refused = head.includes(NEW_KEY);
      const body = refused ? `swallowed ${NEW_KEY}` : 'good';
      const trailer = refused ? 'X-Trailer: swallowed' : 'X-Trailer: good';
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </swallowed>\r\n\r\n');
      socket.write(
        `HTTP/1.1 ${refused ? '401 swallowed' : '200 good'}\r\nX-Note: ${body}\r\n` +
          `Set-Cookie: a=${refused ? 'swallowed' : 'good'}\r\nTrailer: X-Trailer\r\n` +
          `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailer}\r\n\r\n`,
      );
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = await sendRequest(rig);
    expect(reply).toMatchObject({ status: 200, body: 'good', trailers: { 'x-trailer': 'good' } });
    expect(JSON.stringify(reply)).not.toContain('swallowed');
    expect(rig.echoes).toEqual([]);
  });

  it('has its own response searched for the value that was sent with it', async () => {
    const upstream = await startRawUpstream(({ socket }, head) => {
      const refused = head.includes(NEW_KEY);
      const body = refused ? 'no' : `you sent ${OLD_KEY}`;
      socket.write(
        `HTTP/1.1 ${refused ? 401 : 200} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    expect((await sendRequest(rig)).body).toBe('you sent [redacted]');
    expect(rig.echoes).toMatchObject([{ secrets: ['api_key'], action: 'masked' }]);
  });

  it('that is forbidden with the new version alone counts against it; with both, against the caller', async () => {
    const status = { old: 200, new: 403 };
    const upstream = await startRawUpstream(({ socket }, head) => {
      const code = head.includes(NEW_KEY) ? status.new : status.old;
      socket.write(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`);
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    expect((await sendRequest(rig)).status).toBe(200);
    rig.window();
    expect((await sendRequest(rig)).status).toBe(200);
    expect(await counts(rig)).toEqual({
      new: { refused: 2, pairedRefusals: 2 },
      old: { accepted: 2 },
    });

    status.old = 403;
    const caller = await startCutover(upstream.origin);
    caller.canary();
    expect((await sendRequest(caller)).status).toBe(403);
    expect(await counts(caller)).toEqual({ new: { accepted: 1 }, old: { accepted: 1 } });

    // What the old version may not do is not tried with the new one.
    status.new = 200;
    const before = await startCutover(upstream.origin);
    before.canary({ share: 0 });
    expect((await sendRequest(before)).status).toBe(403);
    expect(await counts(before)).toEqual({ old: { accepted: 1 } });

    // Nor is a failure a sign that it was let through.
    [status.old, status.new] = [500, 403];
    const failing = await startCutover(upstream.origin);
    failing.canary();
    expect((await sendRequest(failing)).status).toBe(500);
    expect(await counts(failing)).toEqual({ new: { accepted: 1 }, old: { failed: 1 } });
  });

  it('is answered by its status: without a cutover 403 is no refusal unless the route says so', async () => {
    let status = 403;
    const upstream = await startRawUpstream(({ socket }, head) => {
      const code = head.includes(NEW_KEY) ? status : 200;
      socket.write(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`);
    });
    const plain = await startCutover(upstream.origin);
    plain.settle('new');
    expect((await sendRequest(plain)).status).toBe(403);
    await plain.usage.flush();
    expect(await plain.store.usageOf('api_key')).toMatchObject([{ accepted: 1, refused: 0 }]);
    const said = await startCutover(upstream.origin, {
      refusedCredential: { statuses: [403, 401] },
    });
    said.canary();
    expect((await sendRequest(said)).status).toBe(200);
    status = 401;
    expect((await sendRequest(said)).status).toBe(200);
    expect(await counts(said)).toEqual({
      new: { refused: 2, pairedRefusals: 2 },
      old: { accepted: 2 },
    });
    // A client error that is no refusal, nor is it a failure of the credential without a cutover.
    said.settle('new');
    status = 403;
    expect((await sendRequest(said)).status).toBe(403);
    await said.usage.flush();
    const usage = await said.store.usageOf('api_key');
    expect(usage.find(({ version }) => version === 2)).toMatchObject({ refused: 3 });
  });

  it('is not sent again where the route says so, nor where its body is too long', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    const never = await startCutover(upstream.origin, { refusedCredential: { retry: false } });
    never.canary();
    expect(await sendRequest(never)).toMatchObject({ status: 401, body: 'refused' });
    expect(await counts(never)).toEqual({ new: { refused: 1 } });
    const rig = await startCutover(upstream.origin, { refusedCredential: { maxRetryBytes: KIB } });
    rig.canary();
    expect((await sendRequest(rig, { body: 'x'.repeat(KIB + 1) })).status).toBe(401);
    expect((await sendRequest(rig, { body: ['x'.repeat(KIB), 'x'] })).status).toBe(401);
    expect((await sendRequest(rig, { body: 'x'.repeat(KIB) })).status).toBe(200);
    expect((await sendRequest(rig, { body: ['x'.repeat(KIB - 1), 'x'] })).status).toBe(200);
    expect(await counts(rig)).toEqual({
      new: { refused: 4, pairedRefusals: 2 },
      old: { accepted: 2 },
    });
  });

  it('that asked to be told to continue, or has no body to answer with, is sent again as well', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    const rig = await startCutover(upstream.origin);
    rig.canary();
    let continues = 0;
    const expecting = await sendRequest(rig, {
      body: 'hello',
      headers: { expect: '100-continue' },
      onRequest: (outgoing) => void outgoing.on('continue', () => continues++),
    });
    expect(expecting).toMatchObject({ status: 200, body: 'taken: hello' });
    expect(continues).toBe(1);
    expect(await sendRequest(rig, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await sendRequest(rig, { method: 'DELETE' })).toMatchObject({ status: 200 });
    expect(upstream.keys()).toEqual([NEW_KEY, OLD_KEY, NEW_KEY, OLD_KEY, NEW_KEY, OLD_KEY]);
  });

  it('is not sent again where its WebSocket is refused', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-version': '13',
    };
    expect((await sendRequest(rig, { headers })).status).toBe(401);
    expect(upstream.keys()).toEqual([NEW_KEY]);
  });

  it('over HTTP/2, from clients and to upstreams, keeps its body and trailers', async () => {
    for (const http2 of [true, false]) {
      const upstream = await startKeyedUpstream([OLD_KEY], { http2 });
      const rig = await startCutover(upstream.origin, { http2 }, {}, startHttp2Proxy);
      rig.canary();
      const session = await http2Session(rig.port);
      const head = { ':path': '/api/x', 'keyferry-token': rig.token };
      expect(await ask(session, head)).toMatchObject({
        status: 200,
        body: 'taken: ',
        complete: true,
      });
      const stream = session.request({ ...head, ':method': 'POST' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.write('one ');
      setTimeout(() => stream.end('two'), 20);
      let text = '';
      for await (const piece of stream) text += (piece as Buffer).toString();
      expect(text).toBe('taken: one two');
      const trailers = http2 ? { 'x-sum': '42' } : {};
      expect(upstream.seen).toMatchObject([
        { key: NEW_KEY, body: '' },
        { key: OLD_KEY, body: '' },
        { key: NEW_KEY, body: 'one two', trailers },
        { key: OLD_KEY, body: 'one two', trailers },
      ]);
    }
  });
});

describe('an early refusal', () => {
  it('waits for the rest of the body, which is then sent again', async () => {
    for (const http2 of [false, true]) {
      const upstream = await startKeyedUpstream([OLD_KEY], { http2 });
      upstream.refusesEarly = true;
      const rig = await startCutover(upstream.origin, { http2 });
      rig.canary();
      const reply = await sendRequest(rig, {
        body: ['a'.repeat(KIB), 'b'.repeat(KIB), 'c'],
        // The second head would come too early.
        pace: (index) =>
          index > 0 ? eventually(() => upstream.heads === 1).then(pause) : undefined,
      });
      expect(reply).toMatchObject({
        status: 200,
        body: `taken: ${'a'.repeat(KIB)}${'b'.repeat(KIB)}c`,
      });
      expect(upstream.heads).toBe(2);
      expect(upstream.seen.at(-1)).toMatchObject({ key: OLD_KEY });
    }
  });

  it('is passed on when more comes than is kept, or when the rest is not sent', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY]);
    upstream.refusesEarly = true;
    const rig = await startCutover(upstream.origin, { refusedCredential: { maxRetryBytes: KIB } });
    rig.canary();
    const headCame = (index: number): Promise<void> | undefined =>
      index > 0 ? eventually(() => upstream.heads === 1).then(pause) : undefined;
    const tooLong = await sendRequest(rig, {
      body: ['a'.repeat(KIB), 'b'.repeat(KIB)],
      pace: headCame,
    });
    expect(tooLong).toMatchObject({ status: 401, body: 'refused' });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const silent = await sendRequest(rig, {
      body: ['a', 'b'],
      pace: (index) => (index === 1 ? held : undefined),
      onRequest: (outgoing) => void outgoing.on('response', () => release()),
    });
    expect(silent).toMatchObject({ status: 401, body: 'refused' });
    expect(upstream.heads).toBe(2);
  });
});

describe('a refusal', () => {
  it('that is long or slow is passed on as it came, and nothing is sent again', async () => {
    const long = 'x'.repeat(100 * KIB);
    let heads = 0;
    const upstream = await startRawUpstream(({ socket }, head) => {
      heads++;
      socket.write('HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n');
      const isLong = head.includes('/long');
      const text = isLong ? long : 'slow';
      socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
      setTimeout(() => socket.write('0\r\n\r\n'), isLong ? 0 : 2500);
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    expect(await sendRequest(rig, { path: '/api/long' })).toMatchObject({
      status: 401,
      body: long,
      complete: true,
    });
    expect(await sendRequest(rig, { path: '/api/slow' })).toMatchObject({
      status: 401,
      body: 'slow',
      complete: true,
    });
    expect(heads).toBe(2);
  });

  it('that breaks off is none: it is cut, and nothing is sent again', async () => {
    let heads = 0;
    const upstream = await startRawUpstream(({ socket }) => {
      heads++;
      socket.write('HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nhalf', () =>
        socket.resetAndDestroy(),
      );
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = await sendRequest(rig).catch(() => ({ complete: false, status: 502 }));
    expect(reply).toMatchObject({ complete: false });
    expect(heads).toBe(1);
  });

  it('is passed on, with its version in the log, when the second attempt finds no connection', async () => {
    const upstream = await startRawUpstream(({ socket }) => {
      stop();
      socket.end(
        'HTTP/1.1 401 No\r\nX-Answer: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfirst',
      );
    });
    const rig = await startCutover(upstream.origin);
    const stop = (): void => void upstream.stopListening();
    rig.canary();
    expect(await sendRequest(rig, { body: 'hello' })).toMatchObject({
      status: 401,
      body: 'first',
      complete: true,
    });
    await rig.ended(1);
    expect(rig.decisions).toMatchObject([{ status: 401, code: undefined, secrets: ['api_key@2'] }]);
    expect(rig.decisions[0]).not.toHaveProperty('retried');
    expect(await counts(rig)).toEqual({ new: { refused: 1 } });
  });

  it('is not passed on when the second attempt was sent: nobody knows what became of that', async () => {
    const upstream = await startRawUpstream(({ socket }, head) => {
      if (head.includes(OLD_KEY)) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    const reply = await sendRequest(rig, { body: 'hello' });
    expect(reply).toMatchObject({
      status: 502,
      headers: { 'keyferry-error': 'upstream_protocol_error' },
    });
    expect(await counts(rig)).toEqual({ new: { refused: 1 }, old: { failed: 1 } });
  });
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}
