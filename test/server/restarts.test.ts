import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BIN, freePort, serveKeyferry, serveLine } from '../support/serve-process.js';
import { keepAlive, type SendOptions, send, startLoad } from '../support/steady-load.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const RESTARTS = process.env.KEYFERRY_TORTURE === undefined ? 1 : 20;
const PER_SECOND = 500;
const CONNECTIONS = 32;
const TIMEOUT_MS = 300_000;

/** Answers whether the real key arrived. */
async function startCheckingUpstream(): Promise<string> {
  const upstream = createServer((request, response) => {
    response.end(request.headers.authorization === 'Bearer real-key' ? 'ok' : 'wrong');
  });
  upstream.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const address = upstream.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

/** Fills a new data folder with a secret, a route `/api` and a client; gives the client's token. */
async function prepare(proxyListen: string, adminListen: string) {
  const upstream = await startCheckingUpstream();
  const flags = ['--proxy-listen', proxyListen, '--admin-listen', adminListen];
  const server = await serveKeyferry({ flags });
  await server.secret('key', { production: 'real-key' });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  const token = await server.client('production');
  expect(await server.stop()).toMatchObject({ exitCode: 0 });
  return { dataDir: server.dataDir, token };
}

async function expectOk(url: string, options: SendOptions): Promise<void> {
  const { status, body } = await send(url, options);
  if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
}

test(
  `a client that retries only a refused connection sees no failure in ${RESTARTS} restart(s)`,
  async () => {
    const port = await freePort();
    const proxyListen = `127.0.0.1:${port}`;
    const adminListen = `127.0.0.1:${await freePort()}`;
    const { dataDir, token } = await prepare(proxyListen, adminListen);
    const flags = ['--proxy-listen', proxyListen, '--admin-listen', adminListen];
    let server = await serveKeyferry({ dataDir, flags });
    const agent = keepAlive(CONNECTIONS);
    const options = { agent, headers: { 'keyferry-token': token }, retryRefusedMs: 20_000 };
    const url = `http://${proxyListen}/api/x`;
    const load = startLoad(PER_SECOND, () => expectOk(url, options));
    for (let restart = 0; restart < RESTARTS; restart++) {
      const before = load.sent;
      await vi.waitUntil(() => load.sent > before + PER_SECOND, { timeout: 10_000 });
      expect(await server.stop()).toMatchObject({ exitCode: 0, stderr: expect.any(String) });
      server = await serveKeyferry({ dataDir, flags });
    }
    const { sent, failures } = await load.stop();
    agent.destroy();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(PER_SECOND * RESTARTS);
  },
  TIMEOUT_MS,
);

test(
  `no client sees a failure in ${RESTARTS} restart(s) behind a socket handed over`,
  async () => {
    const adminListen = `127.0.0.1:${await freePort()}`;
    const { dataDir, token } = await prepare('127.0.0.1:0', adminListen);

    const owner = createTcpServer();
    await new Promise<void>((resolve) => owner.listen(0, '127.0.0.1', resolve));
    const address = owner.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { fd } = Reflect.get(owner, '_handle') as { fd: number };
    const script = fileURLToPath(new URL('../support/hand-over-socket.mjs', import.meta.url));
    const flags = ['--proxy-listen', 'fd:3', '--admin-listen', adminListen];
    const supervisor = spawn(process.execPath, [script, BIN, ...serveLine(dataDir, flags)], {
      stdio: ['pipe', 'pipe', 'inherit', fd],
    });
    onTestFinished(() => void supervisor.kill('SIGKILL'));
    owner.close();
    let said = '';
    supervisor.stdout?.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    const count = (text: string): number => said.split(text).length - 1;
    const started = (times: number): Promise<boolean> =>
      vi.waitUntil(() => count('is ready.') === times, { timeout: 20_000 });

    await started(1);
    const agent = keepAlive(CONNECTIONS);
    const options = { agent, headers: { 'keyferry-token': token } };
    const load = startLoad(PER_SECOND, () => expectOk(`http://127.0.0.1:${port}/api/x`, options));
    for (let restart = 1; restart <= RESTARTS; restart++) {
      const before = load.sent;
      await vi.waitUntil(() => load.sent > before + PER_SECOND, { timeout: 10_000 });
      supervisor.stdin?.write('next\n');
      await started(restart + 1);
    }
    const { sent, failures } = await load.stop();
    agent.destroy();
    supervisor.stdin?.end();
    await once(supervisor, 'exit');
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(PER_SECOND * RESTARTS);
    expect(count('ended with 0\n')).toBe(RESTARTS + 1);
  },
  TIMEOUT_MS,
);
