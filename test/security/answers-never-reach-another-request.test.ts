import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import { apiRoute, startProxyBefore } from '../support/start-proxy.js';

/** What a request leaves behind on its connection to the upstream, by its number. */
const LEFTOVERS: readonly ((honest: string, forged: string, socket: Socket) => void)[] = [
  (honest, forged, socket) => void socket.write(honest + forged),
  (_honest, forged, socket) => void socket.write(`HTTP/1.1 204 No Content\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${forged.length}\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${forged}`),
  // Comes while the connection is idle.
  (honest, forged, socket) => {
    socket.write(honest);
    setTimeout(() => socket.write(forged), 2);
  },
];

test('1,000 attempts to leave a response behind for the next request: none is taken', async () => {
  const upstream = await startRawUpstream(({ socket }, head) => {
    const number = /\r\nx-n: (\d+)/i.exec(head)?.[1] ?? '';
    const honest = `HTTP/1.1 200 OK\r\nContent-Length: ${number.length}\r\n\r\n${number}`;
    const forged = `HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`;
    if (head.includes('/victim')) socket.write(honest);
    else LEFTOVERS[Number(number) % LEFTOVERS.length]?.(honest, forged, socket);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const victim = await rawClient(port);
  let attacker = await rawClient(port);
  let wrong = 0;
  for (let n = 0; n < 1000; n++) {
    // HEAD, whose answer then has a body, and GET; every seventh attacker does not wait for its answer.
    const method = n % 12 >= 6 ? 'HEAD' : 'GET';
    attacker.send(requestHead(method, '/api/attack', token, [`X-N: ${n}`]));
    if (n % 7 === 0) {
      attacker.socket.destroy();
      attacker = await rawClient(port);
    } else {
      await attacker.response(method);
      if (attacker.closed !== 'open') attacker = await rawClient(port);
    }
    if (n % LEFTOVERS.length === 5) await wait(5);
    victim.send(requestHead('GET', '/api/victim', token, [`X-N: ${n}`]));
    const { status, body } = await victim.response();
    if (status !== 200 || body !== String(n)) wrong++;
  }
  expect(wrong).toBe(0);
});

test('environments and address rules do not share connections', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const rig = await startProxyBefore(upstream.origin);
  await rig.secret('other', { staging: 'x' });
  const environments = {
    production: { upstream: upstream.origin },
    staging: { upstream: upstream.origin, headers: { Authorization: '<<secret:other>>' } },
  };
  const slow = { timeouts: { headersMs: 1234 } };
  await rig.routes([
    apiRoute(upstream.origin, { environments }),
    apiRoute(upstream.origin, { name: 'same', match: { pathPrefix: '/same' } }),
    apiRoute(upstream.origin, { name: 'slow', match: { pathPrefix: '/slow' }, ...slow }),
  ]);
  const staging = await rig.client('staging');
  const client = await rawClient(rig.port);
  for (const [path, token] of [
    ['/api', rig.token],
    ['/same', rig.token],
    ['/api', staging.token],
    ['/slow', rig.token],
    ['/api', rig.token],
  ] as const) {
    client.send(requestHead('GET', path, token));
    expect((await client.response()).status).toBe(200);
  }
  expect(upstream.connections.map(({ received }) => received.match(/^GET/gm)?.length)).toEqual([
    3, 1, 1,
  ]);
});
