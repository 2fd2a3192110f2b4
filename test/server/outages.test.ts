import { execFileSync } from 'node:child_process';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { canMount, onSmallDisk } from '../support/mounts.js';
import {
  callAdmin,
  freePort,
  type ServedKeyferry,
  type ServeOptions,
  serveKeyferry,
  temporaryDataDir,
} from '../support/serve-process.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';

const PER_SECOND = 100;
const TIMEOUT_MS = 120_000;
const VERSIONS = '/v1/secrets/key/environments/production/versions';

/** A folder with a secret, a route and a client, whose server is stopped. */
async function prepare(): Promise<{ dataDir: string; token: string }> {
  const upstream = createServer((request, response) => {
    response.end(request.headers.authorization === 'Bearer real-key' ? 'ok' : 'wrong');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const dataDir = temporaryDataDir();
  const server = await serveKeyferry({ dataDir });
  await server.secret('key', { production: 'real-key' });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  const token = await server.client('production');
  await server.stop();
  return { dataDir, token };
}

interface Served extends ServedKeyferry {
  ask(): Promise<void>;
}

async function serve(options: ServeOptions & { token: string }): Promise<Served> {
  const server = await serveKeyferry(options);
  const agent = keepAlive(8);
  onTestFinished(() => agent.destroy());
  const headers = { 'keyferry-token': options.token };
  return Object.assign(server, {
    async ask() {
      const { status, body } = await send(`${server.proxyUrl}/api/x`, { agent, headers });
      if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
    },
  });
}

const accepted = async (server: ServedKeyferry): Promise<number> => {
  const { usage } = await server.admin<{ usage: { accepted: number }[] }>('GET', '/v1/secrets/key');
  return usage.reduce((sum, row) => sum + row.accepted, 0);
};

/**
 * While `begin()` holds until `end()`: a write is refused as the contract says and changes nothing, every request
 * through the proxy is served; afterwards writes work again, and all that was used is counted.
 */
async function outlive(server: Served, begin: () => void, end: () => void): Promise<void> {
  const load = startLoad(PER_SECOND, () => server.ask());
  await vi.waitUntil(() => load.sent > PER_SECOND / 2);
  const before = await server.admin<{ items: unknown[] }>('GET', VERSIONS);
  begin();
  const refused = await server.call('POST', VERSIONS, { value: 'x'.repeat(60_000) });
  expect(refused).toMatchObject({
    status: 503,
    type: 'application/problem+json',
    body: { code: 'store_unavailable', status: 503, requestId: expect.any(String) },
  });
  const from = load.sent;
  const isFelt = (): boolean =>
    load.sent > from + 2 * PER_SECOND && server.output.includes('"usage_not_written"');
  await vi.waitUntil(isFelt, { timeout: 20_000 });
  end();
  await vi.waitUntil(
    async () => (await server.call('POST', VERSIONS, { value: 'next' })).status === 201,
    { timeout: 15_000, interval: 100 },
  );
  const { sent, failures } = await load.stop();
  expect(failures).toEqual([]);
  const after = await server.admin<{ items: unknown[] }>('GET', VERSIONS);
  expect(after.items).toHaveLength(before.items.length + 1);
  await vi.waitFor(async () => expect(await accepted(server)).toBe(sent), { timeout: 10_000 });
  expect(await server.admin('GET', '/v1/audit/verify')).toMatchObject({ ok: true });
  expect(server.child.exitCode).toBeNull();
}

describe('a server that runs outlives', () => {
  test.skipIf(!canMount)(
    'a full disk',
    async () => {
      const { dataDir, token } = await prepare();
      const server = await serve({ dataDir, token, under: onSmallDisk(dataDir, '2m') });
      const inside = join(`/proc/${server.pid}/root`, dataDir);
      const fill = join(inside, 'fill');
      await outlive(
        server,
        () => {
          expect(() => writeFileSync(fill, new Uint8Array(4 * 1024 * 1024))).toThrow('ENOSPC');
        },
        () => rmSync(fill),
      );
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a disk that takes no writes',
    async () => {
      const { dataDir, token } = await prepare();
      const server = await serve({ dataDir, token });
      const limit = (bytes: string): void => {
        execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:`]);
      };
      await outlive(
        server,
        () => limit('1'),
        () => limit('unlimited'),
      );
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a database that another program holds locked',
    async () => {
      const { dataDir, token } = await prepare();
      const server = await serve({ dataDir, token });
      const other = new Database(join(dataDir, 'keyferry.db'));
      onTestFinished(() => void other.close());
      await outlive(
        server,
        () => other.exec('BEGIN IMMEDIATE'),
        () => other.exec('ROLLBACK'),
      );
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a standard output that is full',
    async () => {
      const { dataDir, token } = await prepare();
      const ports = [await freePort(), await freePort()];
      const [proxyListen, adminListen] = ports.map((port) => `127.0.0.1:${port}`);
      const server = await serve({
        dataDir,
        token,
        flags: ['--proxy-listen', proxyListen ?? '', '--admin-listen', adminListen ?? ''],
        stdout: openSync('/dev/full', 'w'),
      });
      const load = startLoad(PER_SECOND, () => server.ask());
      await vi.waitUntil(() => load.sent > 3 * PER_SECOND, { timeout: 10_000 });
      expect((await load.stop()).failures).toEqual([]);
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'a reader of its output that goes away',
    async () => {
      const { dataDir, token } = await prepare();
      const server = await serve({ dataDir, token });
      server.child.stdout?.destroy();
      server.child.stderr?.destroy();
      const load = startLoad(PER_SECOND, () => server.ask());
      await vi.waitUntil(() => load.sent > 3 * PER_SECOND, { timeout: 10_000 });
      expect((await load.stop()).failures).toEqual([]);
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'more connections than it may have descriptors',
    async () => {
      const { dataDir, token } = await prepare();
      const server = await serve({ dataDir, token });
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
      await vi.waitFor(() => server.ask(), { timeout: 10_000 });
      expect(server.child.exitCode).toBeNull();
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );
});

test(
  'what was used in the last second is written at the end',
  async () => {
    const { dataDir, token } = await prepare();
    const first = await serve({ dataDir, token });
    for (let count = 0; count < 10; count++) await first.ask();
    await first.stop();
    const second = await serveKeyferry({ dataDir });
    expect(await accepted(second)).toBe(10);
  },
  TIMEOUT_MS,
);

test(
  'a start of which nobody reads the output is ready all the same',
  async () => {
    const { dataDir } = await prepare();
    const [proxy, admin] = [await freePort(), await freePort()];
    const server = await serveKeyferry({
      dataDir,
      flags: ['--proxy-listen', `127.0.0.1:${proxy}`, '--admin-listen', `127.0.0.1:${admin}`],
      stdout: openSync('/dev/null', 'w'),
    });
    const answer = await callAdmin(server.adminUrl, await server.token(), 'GET', '/v1/status');
    expect(answer).toMatchObject({ status: 200, body: { ready: true } });
  },
  TIMEOUT_MS,
);
