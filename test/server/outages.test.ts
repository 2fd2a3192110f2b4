import { execFileSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { callAdmin } from '../support/call-admin.js';
import { canMount } from '../support/mounts.js';
import { PATIENCE_MS } from '../support/patience.js';
import { freePort, serveKeyferry } from '../support/serve-process.js';
import { startLoad } from '../support/steady-load.js';
import {
  acceptedBy,
  OUTAGE_LOAD,
  OUTAGES,
  outlive,
  prepareOutage,
  serveAsked,
} from '../torture/outlive.js';

type Asked = Awaited<ReturnType<typeof serveAsked>>;

/** Every request of some seconds is served, and the server ends well. */
async function serveOn(server: Asked): Promise<void> {
  const load = startLoad(OUTAGE_LOAD, () => server.ask());
  await vi.waitUntil(() => load.sent > 3 * OUTAGE_LOAD, { timeout: PATIENCE_MS });
  expect((await load.stop()).failures).toEqual([]);
  expect((await server.stop()).exitCode).toBe(0);
}

describe('a server that runs outlives', () => {
  for (const [name, start] of Object.entries(OUTAGES)) {
    test.skipIf(name === 'a full disk' && !canMount)(name, async () => {
      const outage = await start();
      await outlive(outage);
      expect((await outage.server.stop()).exitCode).toBe(0);
    });
  }

  test('a standard output that is full', async () => {
    const { dataDir, token } = await prepareOutage();
    const ports = [await freePort(), await freePort()];
    const [proxyListen, adminListen] = ports.map((port) => `127.0.0.1:${port}`);
    const server = await serveAsked({
      dataDir,
      token,
      flags: ['--proxy-listen', proxyListen ?? '', '--admin-listen', adminListen ?? ''],
      stdout: openSync('/dev/full', 'w'),
    });
    await serveOn(server);
  });

  test('a reader of its output that goes away', async () => {
    const { dataDir, token } = await prepareOutage();
    const server = await serveAsked({ dataDir, token });
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    await serveOn(server);
  });

  test('more connections than it may have descriptors', async () => {
    const { dataDir, token } = await prepareOutage();
    const server = await serveAsked({ dataDir, token });
    await server.ask();
    execFileSync('prlimit', ['--pid', String(server.pid), '--nofile=64:']);
    const { port, hostname } = new URL(server.proxyUrl);
    const sockets: Socket[] = [];
    for (let count = 0; count < 200; count++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => socket.destroy());
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => server.ask(), { timeout: PATIENCE_MS });
    expect(server.child.exitCode).toBeNull();
    expect((await server.stop()).exitCode).toBe(0);
  });
});

test('what was used in the last second is written at the end', async () => {
  const { dataDir, token } = await prepareOutage();
  const first = await serveAsked({ dataDir, token });
  for (let count = 0; count < 10; count++) await first.ask();
  await first.stop();
  const second = await serveKeyferry({ dataDir });
  expect(await acceptedBy(second)).toBe(10);
});

test('a start of which nobody reads the output is ready all the same', async () => {
  const { dataDir } = await prepareOutage();
  const [proxy, admin] = [await freePort(), await freePort()];
  const server = await serveKeyferry({
    dataDir,
    flags: ['--proxy-listen', `127.0.0.1:${proxy}`, '--admin-listen', `127.0.0.1:${admin}`],
    stdout: openSync('/dev/null', 'w'),
  });
  const answer = await callAdmin(server.adminUrl, await server.token(), 'GET', '/v1/status');
  expect(answer).toMatchObject({ status: 200, body: { ready: true } });
});
