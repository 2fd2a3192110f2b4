import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { rawClient } from '../support/raw-client.js';
import { type ProxyRig, startProxyBefore } from '../support/start-proxy.js';

/** Answers what it has read to its end; nothing where the path says so. */
async function startSlowOnDemand(): Promise<{ readonly origin: string }> {
  const server = createServer((request, response) => {
    if (request.url?.includes('hang')) return;
    request.resume().on('end', () => response.end('ok'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function ask({ port }: ProxyRig, token: string, path = '/api'): Promise<number> {
  const client = await rawClient(port);
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${token}\r\n\r\n`);
  const { status } = await client.response();
  client.socket.destroy();
  return status;
}

/** At once: they time out together, since timeouts are looked for once a second. */
const hang = (rig: ProxyRig, tokens: readonly string[]): Promise<number[]> =>
  Promise.all(tokens.map((token) => ask(rig, token, '/api/hang')));

const circuitBreaker = { failures: 3, openMs: 300 };

test('requests that one client makes time out open the circuit for no other', async () => {
  const { origin } = await startSlowOnDemand();
  const rig = await startProxyBefore(origin, { circuitBreaker, timeouts: { headersMs: 50 } });
  const other = (await rig.client('production')).token;
  for (let round = 0; round < 2; round++) {
    expect(await hang(rig, Array(3).fill(rig.token))).toEqual([504, 504, 504]);
    expect(await ask(rig, rig.token)).toBe(503);
    for (let i = 0; i < 3; i++) expect(await ask(rig, other)).toBe(200);
    await wait(circuitBreaker.openMs + 10);
    expect(await ask(rig, rig.token)).toBe(200);
  }
  // Where it hangs for others too, it opens for all.
  for (const token of [rig.token, other]) {
    expect(await hang(rig, Array(3).fill(token))).toEqual([504, 504, 504]);
  }
  expect(await ask(rig, other)).toBe(503);
  expect(await ask(rig, (await rig.client('production')).token)).toBe(503);
});

test('a probe that one client draws out does not keep the circuit from closing', async () => {
  const { origin } = await startSlowOnDemand();
  const rig = await startProxyBefore(origin, { circuitBreaker, timeouts: { headersMs: 50 } });
  const other = (await rig.client('production')).token;
  expect(await hang(rig, [rig.token, rig.token, other])).toEqual([504, 504, 504]);
  expect(await ask(rig, other)).toBe(503);
  await wait(circuitBreaker.openMs + 10);
  const drawnOut = await rawClient(rig.port);
  drawnOut.send(
    `POST /api HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${rig.token}\r\nContent-Length: 10\r\n\r\na`,
  );
  await expect.poll(() => rig.proxy.traffic().circuits[0]?.state).toBe('half_open');
  await expect.poll(() => rig.proxy.inFlight).toBe(1);
  await wait(circuitBreaker.openMs + 10);
  // The next probe is somebody else's, and decides.
  expect(await ask(rig, rig.token)).toBe(503);
  expect(await ask(rig, other)).toBe(200);
  expect(rig.proxy.traffic().circuits).toEqual([]);
  expect(await ask(rig, rig.token)).toBe(200);
  drawnOut.send('bcdefghij');
  expect((await drawnOut.response()).status).toBe(200);
});
