import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';
import { type BehindOptions, REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';

/** An echo for whoever brings the real key; others get 401 instead of an upgrade. */
async function startEcho() {
  const upstream = await startUpstream((_request, response) =>
    sendAnswer(response, { status: 426, body: 'a WebSocket is expected' }),
  );
  const handshakes: string[] = [];
  const sockets = new WebSocketServer({
    server: upstream.server,
    perMessageDeflate: true,
    handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
    verifyClient: ({ req }, answer) => {
      handshakes.push(`${req.url}\n${req.rawHeaders.join('\n')}`);
      const { searchParams } = new URL(req.url ?? '', 'http://upstream.invalid');
      const key = req.headers.authorization ?? `Bearer ${searchParams.get('key')}`;
      if (key === `Bearer ${REAL_KEY}`) answer(true);
      else answer(false, 401, 'wrong key', { 'x-reason': 'wrong_key' });
    },
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (data.toString() === 'bye') socket.close(4001, 'as you wish');
      else socket.send(data, { binary: isBinary });
    });
  });
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  return { upstream, handshakes, sockets };
}

async function start(options: BehindOptions = {}) {
  const echo = await startEcho();
  const behind = await startBehindKeyferry(echo.upstream, options);
  return { ...behind, ...echo, url: behind.baseUrl.replace(/^http/, 'ws') };
}

async function echoOf(socket: WebSocket, data: string | Buffer): Promise<Buffer> {
  socket.send(data);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  return answer;
}

describe('the ws client with URL and client token alone', () => {
  it('sends text and binary both ways, small and large, compressed or not', async () => {
    const { url, token, handshakes } = await start();
    const socket = new WebSocket(`${url}/live?room=1`, 'chat.v2', {
      headers: { Authorization: `Bearer ${token}` },
    });
    await once(socket, 'open');
    expect(socket.protocol).toBe('chat.v2');
    expect(socket.extensions).toContain('permessage-deflate');
    expect((await echoOf(socket, 'hällo')).toString()).toBe('hällo');
    const large = Buffer.alloc(1_000_000, 'abc');
    expect((await echoOf(socket, large)).equals(large)).toBe(true);
    socket.ping('still there?');
    const [pong] = (await once(socket, 'pong')) as [Buffer];
    expect(pong.toString()).toBe('still there?');
    expect(handshakes[0]).toMatch(/^\/live\?room=1\n/);
    expect(handshakes[0]).not.toContain(token);
    socket.close();
    await once(socket, 'close');
  });

  it('takes the token in a query parameter, where a browser cannot set headers', async () => {
    const { url, token, handshakes } = await start({
      route: { query: { key: '<<secret:api_key>>' } },
    });
    const socket = new WebSocket(`${url}/live?key=${token}`);
    await once(socket, 'open');
    expect((await echoOf(socket, 'hello')).toString()).toBe('hello');
    expect(handshakes[0]).toContain(`/live?key=${REAL_KEY}\n`);
    socket.close();
    await once(socket, 'close');
  });

  it('hands on the closing code and reason of either side', async () => {
    const { url, token, sockets } = await start();
    const headers = { Authorization: `Bearer ${token}` };
    const left = new WebSocket(`${url}/live`, { headers });
    await once(left, 'open');
    left.send('bye');
    const [code, reason] = (await once(left, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'as you wish']);

    const leaving = new WebSocket(`${url}/live`, { headers });
    const [theirs] = (await once(sockets, 'connection')) as [WebSocket];
    const closed = once(theirs, 'close') as Promise<[number, Buffer]>;
    await once(leaving, 'open');
    leaving.close(4002, 'done');
    const [seenCode, seenReason] = await closed;
    expect([seenCode, seenReason.toString()]).toEqual([4002, 'done']);
  });

  it('closes the upstream when the client vanishes, and the client when the upstream does', async () => {
    const { url, token, sockets } = await start();
    const headers = { Authorization: `Bearer ${token}` };
    const vanishing = new WebSocket(`${url}/live`, { headers });
    const [orphan] = (await once(sockets, 'connection')) as [WebSocket];
    await once(vanishing, 'open');
    vanishing.terminate();
    await once(orphan, 'close');

    const staying = new WebSocket(`${url}/live`, { headers });
    const [dying] = (await once(sockets, 'connection')) as [WebSocket];
    await once(staying, 'open');
    dying.terminate();
    const [code] = (await once(staying, 'close')) as [number];
    expect(code).toBe(1006);
  });

  it('delivers all that an upstream sent before it hung up, to a reader that lags behind', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.end();
    });
    upstream.server.on('upgrade', (request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      socket.end(Buffer.alloc(Number(request.url?.slice(1)), 'payload.'));
    });
    const { baseUrl, token } = await startBehindKeyferry(upstream);
    // Around the 4 MB that Linux buffers for a connection: there the last piece is still in the proxy at the end,
    // and each step is shorter than that piece.
    const sizes = Array.from({ length: 64 }, (_, index) => 2_000_000 + index * 50_000);
    for (let from = 0; from < sizes.length; from += 16) {
      const some = sizes.slice(from, from + 16);
      const got = await Promise.all(some.map((size) => readLate(`${baseUrl}/${size}`, token)));
      expect(got).toEqual(some);
    }
  });

  it('is closed on both sides when the server stops', async () => {
    const flags = { '--drain-timeout-ms': '200' };
    const { url, token, sockets, keyferry } = await start({ flags });
    const headers = { Authorization: `Bearer ${token}` };
    const socket = new WebSocket(`${url}/live`, { headers });
    const [theirs] = (await once(sockets, 'connection')) as [WebSocket];
    await once(socket, 'open');
    const closed = [once(socket, 'close'), once(theirs, 'close')];
    await keyferry.server.close();
    await Promise.all(closed);
  });

  it.each(['close', 'terminate'] as const)('is one request in flight until %s()', async (leave) => {
    const { url, token, keyferry } = await start();
    const inFlight = async (): Promise<string | undefined> => {
      const text = await (await fetch(`${keyferry.adminUrl}/metrics`)).text();
      return /^keyferry_requests_in_flight (.+)$/m.exec(text)?.[1];
    };
    const socket = new WebSocket(`${url}/live`, { headers: { Authorization: `Bearer ${token}` } });
    await once(socket, 'open');
    expect(await inFlight()).toBe('1');
    socket[leave]();
    await once(socket, 'close');
    await expect.poll(inFlight).toBe('0');
  });

  it("answers a handshake without a valid token itself, and passes the upstream's refusal on", async () => {
    const { url, keyferry, upstream, handshakes } = await start();
    const stranger = new WebSocket(`${url}/live`, { headers: { Authorization: 'Bearer wrong' } });
    expect(await refusalOf(stranger)).toEqual([401, 'client_unauthenticated', undefined]);
    expect(handshakes).toHaveLength(0);
    expect(upstream.connections).toBe(0);

    await keyferry.admin('POST', '/v1/secrets/api_key/environments/production/versions', {
      value: 'another key',
    });
    await keyferry.admin('POST', '/v1/secrets/api_key/environments/production/versions/2/activate');
    const token = await keyferry.client('production');
    const refused = new WebSocket(`${url}/live`, { headers: { Authorization: `Bearer ${token}` } });
    expect(await refusalOf(refused)).toEqual([401, undefined, 'wrong_key']);
  });
});

/** Status, Keyferry's code and the upstream's own header of an answer other than 101. */
async function refusalOf(socket: WebSocket): Promise<unknown[]> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  await once(response, 'end');
  return [response.statusCode, response.headers['keyferry-error'], response.headers['x-reason']];
}

/** Upgrades, reads nothing for a while, then everything. Returns the number of bytes. */
async function readLate(url: string, token: string): Promise<number> {
  const request = get(url, {
    agent: false,
    headers: {
      Authorization: `Bearer ${token}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  });
  const [, socket, head] = (await once(request, 'upgrade')) as [unknown, Socket, Buffer];
  let bytes = head.length;
  await wait(300);
  for await (const piece of socket) bytes += (piece as Buffer).length;
  return bytes;
}
