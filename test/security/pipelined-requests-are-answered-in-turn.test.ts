import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { startProxyBefore } from '../support/start-proxy.js';

const UPGRADES = {
  WebSocket:
    'GET /api HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n',
  h2c: 'GET /api HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  CONNECT: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
};

test('nothing behind a refused request is processed, in whatever pieces it comes', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const { port, token, decisions, proxy } = await startProxyBefore(upstream.origin);
  const hidden = requestHead('GET', '/api/hidden', token);
  const sound = requestHead('GET', '/api/sound', token);
  for (const refused of [
    requestHead('GET', '/api/../x', token),
    requestHead('GET', '/api', token, ['Host: other']),
    `${requestHead('POST', '/api', token, ['Content-Length: 2', 'Transfer_Encoding: chunked'])}hi`,
    `${requestHead('POST', '/api', token, ['Expect: other', 'Content-Length: 2'])}hi`,
    `${requestHead('POST', '/api/../x', token, ['Transfer-Encoding: chunked'])}2\r\nhi\r\n0\r\n\r\n`,
  ]) {
    for (const before of ['', sound, sound + sound]) {
      const client = await rawClient(port);
      client.send(before + refused + hidden + hidden);
      await client.untilClosed();
      expect(client.received).toContain('HTTP/1.1 400 ');
      expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(before.split('GET').length);
    }
  }
  expect(upstream.received).not.toContain('/hidden');
  expect(proxy.inFlight).toBe(0);
  expect(decisions.every(({ status }) => status === 200 || status === 400)).toBe(true);
});

test('"100 Continue" is never written into an answer', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 5);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const expecting = `${requestHead('POST', '/api', token, ['Expect: 100-continue', 'Content-Length: 2'])}hi`;
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token) + expecting);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(await client.response()).toMatchObject({ status: 400, complete: true });
  expect(await client.untilClosed()).toBe('end');
  expect(client.received).toBe('');
  const alone = (await rawClient(port)).send(expecting);
  expect(await alone.response()).toMatchObject({ status: 100 });
  expect(await alone.response()).toMatchObject({ status: 200, body: 'ok' });
});

test.each(Object.entries(UPGRADES))(
  'a pipelined upgrade (%s) ends neither the process nor leaves a request under way',
  async (_kind, upgrade) => {
    const upstream = await startRawUpstream(({ socket }, head) => {
      if (head.startsWith('GET /begun')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegun');
      }
    });
    const { port, token, proxy, decisions, ended } = await startProxyBefore(upstream.origin, {
      echoScrub: 'off',
    });

    const refused = (await rawClient(port)).send(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`);
    expect(await refused.response()).toMatchObject({ status: 401, complete: true });
    expect(await refused.untilClosed()).toBe('end');

    const owed = await rawClient(port);
    owed.send(requestHead('GET', '/api/silent', token).repeat(3) + upgrade);
    expect(await owed.response()).toMatchObject({ status: 400, complete: true });
    expect(await owed.untilClosed()).toBe('end');
    expect(owed.received).toBe('');

    const begun = (await rawClient(port)).send(requestHead('GET', '/api/begun', token));
    await begun.until((text) => text.endsWith('begun'));
    begun.send(upgrade);
    expect(await begun.response()).toMatchObject({ status: 200, complete: false });

    await ended(5);
    expect(decisions.map(({ status }) => status).sort()).toEqual([0, 0, 200, 400, 401]);
    expect(proxy.inFlight).toBe(0);
    await eventually(() => upstream.connections.every((one) => one.closed || one.received === ''));
  },
);
