import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';

const ENVIRONMENT = '/v1/secrets/key/environments/production';

/** A whole server before an upstream that speaks WebSocket to whoever brings a value of the secret. */
async function start() {
  const server = createServer((_request, response) => void response.end());
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(data));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  const keyferry = await startKeyferry();
  await keyferry.secret('key', { production: 'value-of-the-first-version' });
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await keyferry.routes([
    {
      name: 'r',
      match: { pathPrefix: '/r' },
      headers: { Authorization: 'Bearer <<secret:key>>' },
      environments: { production: { upstream, allowPrivateNetwork: true } },
    },
  ]);
  return { keyferry, sockets };
}

async function connect(keyferry: TestKeyferry, token: string): Promise<WebSocket> {
  const url = keyferry.proxyUrl.replace('http:', 'ws:');
  const socket = new WebSocket(`${url}/r`, { headers: { 'Keyferry-Token': token } });
  await once(socket, 'open');
  return socket;
}

async function answers(socket: WebSocket): Promise<boolean> {
  if (socket.readyState !== WebSocket.OPEN) return false;
  const answer = Promise.race([
    once(socket, 'message').then(() => true),
    once(socket, 'close').then(() => false),
  ]);
  socket.send('hello');
  return answer;
}

test('a client that is revoked loses its open WebSockets, others keep theirs', async () => {
  const { keyferry, sockets } = await start();
  const [doomed, staying] = [
    await keyferry.client('production'),
    await keyferry.client('production'),
  ];
  const [one, two, other] = [
    await connect(keyferry, doomed),
    await connect(keyferry, doomed),
    await connect(keyferry, staying),
  ];
  const { items } = await keyferry.admin<{ items: { id: string; name: string }[] }>(
    'GET',
    '/v1/clients',
  );
  const closed = Promise.all([once(one, 'close'), once(two, 'close')]);
  const id = items.find(({ name }) => name === 'client-1')?.id;
  await keyferry.admin('DELETE', `/v1/clients/${id}`);
  await closed;
  expect(await answers(other)).toBe(true);
  await expect.poll(() => sockets.clients.size).toBe(1);
  other.close();
});

test('a version that is revoked ends the WebSockets that it opened, an older one in use does not', async () => {
  const { keyferry } = await start();
  const token = await keyferry.client('production');
  const first = await connect(keyferry, token);
  await keyferry.admin('POST', `${ENVIRONMENT}/versions`, { value: 'value-of-the-second-version' });
  await keyferry.admin('POST', `${ENVIRONMENT}/versions/2/activate`);
  const second = await connect(keyferry, token);
  expect([await answers(first), await answers(second)]).toEqual([true, true]);
  const closed = once(first, 'close');
  const force = { force: true, reason: 'leaked' };
  await keyferry.admin('POST', `${ENVIRONMENT}/versions/1/revoke`, force);
  await closed;
  expect(await answers(second)).toBe(true);
  const gone = once(second, 'close');
  await keyferry.admin('DELETE', '/v1/secrets/key', force);
  await gone;
});
