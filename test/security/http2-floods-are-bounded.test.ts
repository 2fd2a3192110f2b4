import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FrameType,
  fields,
  frame,
  type Http2Wire,
  http2Wire,
  requestFields,
  uint32,
} from '../support/http2-wire.js';
import { eventually } from '../support/raw-upstream.js';
import { ask, http2Session, startHttp2Proxy, TEST_CA } from '../support/start-http2-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

async function start(options: Parameters<typeof startHttp2Proxy>[2] = {}) {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const rig = await startHttp2Proxy(upstream.origin, {}, options);
  const others = await http2Session(rig.port);
  const headers = { ':path': '/api/x', 'keyferry-token': rig.token };
  /** What a well-behaved client gets at the same time. */
  const servesOthers = async (): Promise<void> => {
    expect((await ask(others, headers)).status).toBe(200);
  };
  return { ...rig, upstream, servesOthers };
}

/** Sends pieces until the other side has had enough, or all are sent. */
async function flood(wire: Http2Wire, pieces: number, piece: (index: number) => Buffer) {
  const gone = new Promise((resolve) => wire.socket.once('close', resolve));
  for (let i = 0; i < pieces && !wire.closed; i++) {
    if (!wire.socket.write(piece(i))) {
      await Promise.race([new Promise((resolve) => wire.socket.once('drain', resolve)), gone]);
    }
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function goawayCode(wire: Http2Wire): number | undefined {
  const found = wire.frames.find(({ type }) => type === FrameType.goaway);
  return found?.payload.readUInt32BE(4);
}

it('CVE-2023-44487: a client that resets what it asks for is let go, and costs the upstream little', async () => {
  const { port, token, proxy, upstream, servesOthers } = await start();
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [['keyferry-token', token]]);
  await flood(wire, 5000, (index) => {
    const stream = 2 * index + 1;
    return Buffer.concat([
      frame(FrameType.headers, END_STREAM | END_HEADERS, stream, head),
      frame(FrameType.rstStream, 0, stream, uint32(8)),
    ]);
  });
  await eventually(() => wire.closed);
  await eventually(() => proxy.inFlight === 0);
  // Reset in the same piece of input as it was asked for: never sent on.
  expect(upstream.seen.length).toBeLessThan(50);
  await servesOthers();
});

it('CVE-2025-8671: a client that makes Keyferry reset its streams is let go', async () => {
  const { port, token, proxy, servesOthers } = await start();
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [['keyferry-token', token]], { ':method': 'POST' });
  await flood(wire, 5000, (index) => {
    const stream = 2 * index + 1;
    return Buffer.concat([
      frame(FrameType.headers, END_HEADERS, stream, head),
      // An increment of nothing is an error of the stream (RFC 9113 section 6.9).
      frame(FrameType.windowUpdate, 0, stream, uint32(0)),
    ]);
  });
  await eventually(() => wire.closed);
  await eventually(() => proxy.inFlight === 0);
  await servesOthers();
});

it('CVE-2024-27983, CVE-2024-28182: a head without an end is cut off', async () => {
  const { port, servesOthers, decisions } = await start();
  const wire = await http2Wire(port);
  wire.send(frame(FrameType.headers, END_STREAM, 1, requestFields('/api/x')));
  const more = fields([['x-more', 'a'.repeat(1000)]]);
  await flood(wire, 20_000, () => frame(FrameType.continuation, 0, 1, more));
  await eventually(() => wire.closed);
  expect(goawayCode(wire)).not.toBe(0);
  await servesOthers();
  // The half request was never one.
  expect(decisions).toHaveLength(1);
});

it('CVE-2024-27983: a connection that breaks in the middle of a head ends nothing else', async () => {
  const { port, servesOthers } = await start();
  for (let i = 0; i < 20; i++) {
    const wire = await http2Wire(port);
    wire.send(
      frame(FrameType.headers, END_STREAM, 1, requestFields('/api/x')),
      frame(FrameType.continuation, 0, 1, fields([['x-more', 'a']])),
    );
    wire.socket.destroy();
  }
  await servesOthers();
});

it('heads that are too long or have too many fields are refused', async () => {
  const { port, token, upstream } = await start({
    limits: { maxHeaderBytes: 8192, maxHeaders: 50 },
  });
  const session = await http2Session(port);
  const long = await ask(session, {
    ':path': '/api/x',
    'keyferry-token': token,
    'x-long': 'a'.repeat(9000),
  });
  // As a problem, or as a reset once the limit was acknowledged: never at the upstream.
  expect([431, 0]).toContain(long.status);
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`x-${index}`, 'a']));
  const refused = await ask(session, { ':path': '/api/x', 'keyferry-token': token, ...many });
  expect(refused.complete).toBe(false);
  const few = Object.fromEntries(Array.from({ length: 49 }, (_, index) => [`x-${index}`, 'a']));
  const counted = await ask(session, { ':path': '/api/x', 'keyferry-token': token, ...few });
  expect(counted.headers['keyferry-error']).toBe('headers_too_large');
  const taken = await ask(session, { ':path': '/api/x', 'keyferry-token': token });
  expect(taken.status).toBe(200);
  expect(upstream.seen).toHaveLength(1);
});

it.each([
  ['PING', frame(FrameType.ping, 0, 0, '12345678')],
  ['SETTINGS', frame(FrameType.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 1]))],
  ['empty DATA', frame(FrameType.data, 0, 1)],
])('a flood of %s frames holds up nobody and gathers no memory', async (kind, piece) => {
  const { port, token, servesOthers } = await start();
  const wire = await http2Wire(port);
  const head = requestFields('/api/x', [['keyferry-token', token]], { ':method': 'POST' });
  if (kind === 'empty DATA') wire.send(frame(FrameType.headers, END_HEADERS, 1, head));
  // Reads nothing: answers to it would have to be kept.
  wire.socket.pause();
  global.gc?.();
  const before = process.memoryUsage().rss;
  const block = Buffer.concat(Array.from({ length: 500 }, () => piece));
  const flooding = flood(wire, 400, () => block);
  for (let i = 0; i < 5; i++) await servesOthers();
  await Promise.race([flooding, new Promise((resolve) => setTimeout(resolve, 3000))]);
  await servesOthers();
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  wire.socket.destroy();
});

it('a client that begins more streams at once than allowed is cut off', async () => {
  const upstream = await startUpstream(() => new Promise(() => undefined));
  const limits = { maxStreamsPerConnection: 10 };
  const { port, token, proxy } = await startHttp2Proxy(upstream.origin, {}, { limits });
  const wire = await http2Wire(port);
  await wire.frame(({ type, flags }) => type === FrameType.settings && (flags & ACK) !== 0);
  const head = requestFields('/api/x', [['keyferry-token', token]]);
  const begin = (index: number) =>
    frame(FrameType.headers, END_STREAM | END_HEADERS, 2 * index + 1, head);
  for (let i = 0; i < 10; i++) wire.send(begin(i));
  await eventually(() => upstream.seen.length === 10);
  for (let i = 10; i < 30; i++) wire.send(begin(i));
  await eventually(() => wire.closed && proxy.inFlight === 0);
  expect(upstream.seen).toHaveLength(10);
});

it('a client that takes nothing of its answer is cut after a while', async () => {
  const upstream = await startUpstream(
    (_request, response) => void response.end(Buffer.alloc(2 * 1024 * 1024)),
  );
  const { port, token, proxy } = await startHttp2Proxy(
    upstream.origin,
    {},
    { limits: { responseIdleMs: 500 } },
  );
  const wire = await http2Wire(port);
  wire.send(
    frame(
      FrameType.headers,
      END_STREAM | END_HEADERS,
      1,
      requestFields('/api/x', [['keyferry-token', token]]),
    ),
  );
  expect(await wire.endOf(1)).toEqual({ reset: 8 });
  await eventually(() => proxy.inFlight === 0);
});

it('a connection that says nothing is closed', async () => {
  const { port } = await start({ limits: { headersTimeoutMs: 300 } });
  const socket = connect({ port, host: '127.0.0.1', ca: TEST_CA, ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
});
