import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Agent, type Dispatcher, EventSource } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { EventStream } from '../../src/admin/event-stream.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

/** A browser's EventSource takes no headers; the dispatcher adds the token. */
function withToken(token: string): Dispatcher {
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  return agent.compose((dispatch) => (options, handler) => {
    const headers = { ...(options.headers as Record<string, string>) };
    return dispatch(
      { ...options, headers: { ...headers, authorization: `Bearer ${token}` } },
      handler,
    );
  });
}

interface Listening {
  readonly events: { state: string; percent: number; waitsFor: string[] }[];
  readonly errors: () => number;
  readonly source: EventSource;
}

function listen(url: string, token: string): Listening {
  const source = new EventSource(url, { dispatcher: withToken(token) } as never);
  onTestFinished(() => source.close());
  const events: Listening['events'] = [];
  let errors = 0;
  source.onmessage = ({ data }) => events.push(JSON.parse(data));
  source.onerror = () => {
    errors += 1;
  };
  return { events, errors: () => errors, source };
}

describe('events of a cutover', () => {
  let admin: TestAdmin;
  beforeAll(async () => {
    admin = await startAdmin();
    await addSecret(admin, 'pay_key', ['production']);
  });
  afterEach(async () => {
    for (const { id } of await admin.opened.store.runningCutovers()) {
      await admin.opened.store.rollbackCutover({ actor: TEST_ACTOR, id, reason: 'over' });
    }
  });
  afterAll(() => admin.stop());

  async function start(): Promise<{ id: string; path: string; url: string }> {
    const place = '/v1/secrets/pay_key/environments/production';
    const added = await admin.call('POST', `${place}/versions`, {
      body: { value: `value-${Math.random()}` },
    });
    const { body } = await admin.call('POST', `${place}/cutovers`, {
      body: { toVersion: added.body.version },
    });
    const path = `/v1/cutovers/${body.id}/events`;
    return { id: body.id, path, url: `${admin.origin}${path}` };
  }

  /** Reads a stream from its first byte until it ends. */
  async function readRaw(
    path: string,
    token: string,
  ): Promise<{ text: () => string; socket: Socket }> {
    const { port } = new URL(admin.origin);
    const socket = connect(Number(port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    return { text: () => text, socket };
  }

  test('come at once, on each change, and end with the cutover', async () => {
    const { store } = admin.opened;
    const { id, url } = await start();
    const { events, source } = listen(url, admin.rootToken);
    await vi.waitFor(
      () => expect(events.map(({ state }) => state)).toEqual(['PENDING']),
      PATIENCE_MS,
    );
    await store.advanceCutover({
      actor: TEST_ACTOR,
      id,
      ifState: 'PENDING',
      ifStep: 0,
      evidence: null,
    });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ percent: 10 }), PATIENCE_MS);
    await store.rollbackCutover({ actor: TEST_ACTOR, id, reason: 'enough' });
    await vi.waitFor(
      () => expect(events.at(-1)).toMatchObject({ state: 'ROLLED_BACK' }),
      PATIENCE_MS,
    );
    expect(events.map(({ state }) => state)).toEqual(['PENDING', 'CANARY', 'ROLLED_BACK']);
    // Asked again with the id of the last event, the server says that there is nothing more.
    await vi.waitFor(() => expect(source.readyState).toBe(EventSource.CLOSED), PATIENCE_MS);
    expect(events).toHaveLength(3);
  });

  test('of one that has ended are its end', async () => {
    const { id, path } = await start();
    await admin.opened.store.completeCutover({ actor: TEST_ACTOR, id, reason: 'enough' });
    const { status, headers, text } = await admin.call('GET', path);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text.match(/^data: /gm)).toHaveLength(1);
    expect(text).toContain('"state":"COMPLETED"');
  });

  test('go on after the connection broke', async () => {
    const { url } = await start();
    const broken: Socket[] = [];
    const agent = new Agent({
      connect: (_, done) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        broken.push(socket);
        socket.once('connect', () => done(null, socket));
      },
    });
    onTestFinished(() => agent.destroy());
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      const headers = { ...(options.headers as Record<string, string>) };
      headers.authorization = `Bearer ${admin.rootToken}`;
      return dispatch({ ...options, headers }, handler);
    });
    const source = new EventSource(url, { dispatcher } as never);
    onTestFinished(() => source.close());
    let events = 0;
    source.onmessage = () => {
      events += 1;
    };
    await vi.waitFor(() => expect(events).toBe(1), PATIENCE_MS);
    broken[0]?.destroy();
    await vi.waitFor(() => expect(events).toBe(2), PATIENCE_MS);
  });

  test('stop when the token is revoked, and when it expires', async () => {
    const { path } = await start();
    const { store, clock, tokens } = admin.opened;
    const revoked = await admin.mint({ role: 'viewer' });
    const expiring = await admin.mint({ role: 'viewer', expiresAtMs: clock.now() + 1000 });
    const streams = await Promise.all([revoked, expiring].map((token) => readRaw(path, token)));
    for (const { text } of streams) {
      await vi.waitFor(() => expect(text()).toContain('"state":"PENDING"'), PATIENCE_MS);
    }
    const found = await store.findAdmin(tokens.idOf(revoked) ?? '');
    const ended = streams.map(({ socket }) => once(socket, 'close'));
    await store.revokeAdmin({ actor: TEST_ACTOR, id: found?.id ?? '' });
    clock.advance(1000);
    await Promise.all(ended);
    expect((await admin.call('GET', path, { token: revoked })).status).toBe(401);
  });

  test('ask the store once for all who listen', async () => {
    const { path } = await start();
    const tokens = vi.spyOn(admin.opened.store, 'findAdmin');
    const figures = vi.spyOn(admin.opened.store, 'observationsOf');
    onTestFinished(() => {
      tokens.mockRestore();
      figures.mockRestore();
    });
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => readRaw(path, admin.rootToken)),
    );
    for (const { text } of streams)
      await vi.waitFor(() => expect(text()).toContain('PENDING'), PATIENCE_MS);
    const [ticks, reads] = [tokens.mock.calls.length, figures.mock.calls.length];
    await vi.waitFor(
      () => expect(figures.mock.calls.length).toBeGreaterThan(reads + 1),
      PATIENCE_MS,
    );
    // The token of all ten is looked up as often as the cutover: once a second.
    const passed = figures.mock.calls.length - reads;
    expect(Math.abs(tokens.mock.calls.length - ticks - passed)).toBeLessThanOrEqual(1);
    expect(passed).toBeLessThan(10);
  });

  test('are for twenty listeners of one admin', async () => {
    const { path } = await start();
    const token = await admin.mint({ role: 'viewer' });
    const streams = await Promise.all(Array.from({ length: 20 }, () => readRaw(path, token)));
    for (const { text } of streams)
      await vi.waitFor(() => expect(text()).toContain('PENDING'), PATIENCE_MS);
    const refused = await admin.call('GET', path, { token });
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(refused.body.detail).toContain('20 of this token');
    const other = await readRaw(path, admin.rootToken);
    await vi.waitFor(() => expect(other.text()).toContain('PENDING'), PATIENCE_MS);
    streams[0]?.socket.destroy();
    await vi.waitFor(async () => {
      const again = await readRaw(path, token);
      await vi.waitFor(() => expect(again.text()).toContain('200 OK'), 500);
    }, PATIENCE_MS);
  });
});

test('a stop of the server ends the streams, properly and at once', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('pay_key', { production: 'canary-value-one' });
  const place = '/v1/secrets/pay_key/environments/production';
  await keyferry.admin('POST', `${place}/versions`, { value: 'canary-value-two' });
  const { id } = await keyferry.admin<{ id: string }>('POST', `${place}/cutovers`, {
    toVersion: 2,
  });
  const { readFile } = await import('node:fs/promises');
  const token = (await readFile(`${keyferry.dataDir}/admin-token`, 'utf8')).trim();
  const response = await fetch(`${keyferry.adminUrl}/v1/cutovers/${id}/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader?.read();
  expect(first?.value).toContain('retry: 1000');
  const begun = performance.now();
  await keyferry.server.close();
  // A stream that is cut rejects; one that is ended is done.
  let ended = await reader?.read();
  while (ended?.done === false) ended = await reader?.read();
  expect(ended?.done).toBe(true);
  expect(performance.now() - begun).toBeLessThan(1900);
});

describe('a reader that takes nothing', () => {
  async function open(
    nowMs?: () => number,
  ): Promise<{ stream: EventStream; outgoing: ServerResponse; reader: Socket }> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
    onTestFinished(() => {
      reader.destroy();
      server.close();
    });
    reader.on('error', () => undefined).pause();
    reader.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, outgoing] = (await once(server, 'request')) as [unknown, ServerResponse];
    return { stream: new EventStream(outgoing, {}, nowMs), outgoing, reader };
  }
  const event = (number: number) => ({
    id: String(number),
    data: JSON.stringify({ number, padding: 'x'.repeat(10_000) }),
    isLast: false,
  });

  test('costs no more than one event, and gets the newest when it takes again', async () => {
    const { stream, outgoing, reader } = await open();
    let most = 0;
    for (let number = 1; number <= 5000; number++) {
      stream.offer(event(number));
      most = Math.max(most, outgoing.writableLength);
      if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThan(100_000);
    let text = '';
    reader.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    reader.resume();
    await vi.waitFor(() => expect(text).toContain('id: 5000\n'), PATIENCE_MS);
    expect(text.match(/^id: /gm)?.length).toBeLessThan(5000);
  });

  test('is cut off after a minute, and one that is only idle is kept', async () => {
    let nowMs = 0;
    const slow = await open(() => nowMs);
    while (!slow.outgoing.writableNeedDrain) {
      slow.stream.offer(event(Math.random()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const idle = await open(() => nowMs);
    let text = '';
    idle.reader.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    idle.reader.resume();
    for (nowMs = 0; nowMs <= 61_000; nowMs += 1000) {
      slow.stream.tick();
      idle.stream.tick();
    }
    await slow.stream.closed;
    expect(idle.outgoing.destroyed).toBe(false);
    await vi.waitFor(() => expect(text.match(/^: keep-alive$/gm)).toHaveLength(4), PATIENCE_MS);
  });
});
