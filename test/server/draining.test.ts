import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { serveKeyferry } from '../support/serve-process.js';
import { send } from '../support/steady-load.js';

/** A served route `/api` to an upstream that answers when it is told to. */
async function startHeld(flags: readonly string[] = []) {
  const held: ServerResponse[] = [];
  const upstream = createServer((request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('ok');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const server = await serveKeyferry({ flags });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { 'X-Placed': 'yes' },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  const headers = { 'keyferry-token': await server.client('production') };
  return { server, held, headers };
}

const isReady = async (adminUrl: string): Promise<{ status: number; reasons: string[] }> => {
  const response = await fetch(`${adminUrl}/readyz`);
  const { reasons } = (await response.json()) as { reasons: string[] };
  return { status: response.status, reasons };
};

test('while it drains, a server is not ready, says why, and finishes what it began', async () => {
  const { server, held, headers } = await startHeld();
  expect(await isReady(server.adminUrl)).toEqual({ status: 200, reasons: [] });
  const underWay = send(`${server.proxyUrl}/api/held`, { headers });
  await vi.waitUntil(() => held.length === 1, PATIENCE_MS);
  const finished = server.stop();
  await vi.waitUntil(async () => (await isReady(server.adminUrl)).status === 503, PATIENCE_MS);
  expect((await isReady(server.adminUrl)).reasons).toEqual(['The server is shutting down.']);
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^keyferry_ready 0$/m);
  expect(metrics).toMatch(/^keyferry_requests_in_flight 1$/m);
  await expect(send(`${server.proxyUrl}/api/x`, { headers })).rejects.toThrow('ECONNREFUSED');
  held[0]?.end('whole');
  expect(await underWay).toMatchObject({
    status: 200,
    body: 'whole',
    headers: { connection: 'close' },
  });
  expect((await finished).exitCode).toBe(0);
});

test('a connection kept alive is served once more and told to close, not cut', async () => {
  const { server, headers } = await startHeld();
  const { port, hostname } = new URL(server.proxyUrl);
  const socket = connect(Number(port), hostname);
  let said = '';
  socket.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  const ask = (): void => {
    const token = headers['keyferry-token'];
    socket.write(`GET /api/x HTTP/1.1\r\nHost: x\r\nKeyferry-Token: ${token}\r\n\r\n`);
  };
  const answers = (): number => said.split('HTTP/1.1 200').length - 1;
  ask();
  await vi.waitUntil(() => answers() === 1, PATIENCE_MS);
  expect(said).not.toMatch(/connection: close/i);
  const finished = server.stop();
  await vi.waitUntil(async () => (await isReady(server.adminUrl)).status === 503, PATIENCE_MS);
  ask();
  await vi.waitUntil(() => answers() === 2, PATIENCE_MS);
  expect(said).toMatch(/connection: close/i);
  await vi.waitUntil(() => socket.readableEnded, PATIENCE_MS);
  expect((await finished).exitCode).toBe(0);
});

test('what is still under way after the drain time is cut, and never looks complete', async () => {
  const { server, held, headers } = await startHeld(['--drain-timeout-ms', '300']);
  const underWay = send(`${server.proxyUrl}/api/held`, { headers });
  const outcome = underWay.then(
    ({ status }) => status,
    () => 'cut',
  );
  await vi.waitUntil(() => held.length === 1, PATIENCE_MS);
  held[0]?.write('a part');
  const startedAt = performance.now();
  expect((await server.stop()).exitCode).toBe(0);
  expect(await outcome).toBe('cut');
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

test('metrics count what was served and refused, with names and without values', async () => {
  const { server, headers } = await startHeld();
  await send(`${server.proxyUrl}/api/x`, { headers });
  await send(`${server.proxyUrl}/nowhere`, { headers });
  await send(`${server.proxyUrl}/api/x`);
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const line = (text: string): RegExp => new RegExp(`^${text}$`, 'm');
  const labels = 'route="api",environment="production",status="200",code=""';
  expect(metrics).toMatch(line(`keyferry_requests_total\\{${labels}\\} 1`));
  expect(metrics).toMatch(/^keyferry_requests_total\{.*code="route_not_found"\} 1$/m);
  expect(metrics).toMatch(/^keyferry_requests_total\{.*code="client_unauthenticated"\} 1$/m);
  const duration =
    'keyferry_request_duration_seconds_count\\{route="api",environment="production"\\} 1';
  expect(metrics).toMatch(line(duration));
  expect(metrics).toMatch(line('keyferry_routes_revision 1'));
  expect(metrics).toMatch(line('keyferry_ready 1'));
  expect(metrics).not.toContain('kfc_');
  await server.stop();
});

test('a request that comes when the drain time is over is told that nothing of it was sent', async () => {
  const { server, held, headers } = await startHeld(['--drain-timeout-ms', '900']);
  const underWay = send(`${server.proxyUrl}/api/held`, { headers }).catch(() => 'cut');
  await vi.waitUntil(() => held.length === 1, PATIENCE_MS);
  const { port, hostname } = new URL(server.proxyUrl);
  const token = headers['keyferry-token'];
  const head = `GET /api/x HTTP/1.1\r\nHost: x\r\nKeyferry-Token: ${token}\r\n`;
  // Heads that are begun keep their connections; each is completed a little later than the one before.
  const said: string[] = [];
  const sockets = Array.from({ length: 40 }, (_, index) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      said[index] = (said[index] ?? '') + piece.toString();
    });
    socket.write(head);
    return socket;
  });
  await vi.waitUntil(async () => {
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    return /^keyferry_connections 41$/m.test(metrics);
  }, PATIENCE_MS);
  const finished = server.stop();
  for (const socket of sockets) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.write('\r\n');
  }
  expect((await finished).exitCode).toBe(0);
  expect(await underWay).toBe('cut');
  const answers = said.filter((text) => text !== undefined);
  const served = answers.filter((text) => text.startsWith('HTTP/1.1 200'));
  const refused = answers.filter((text) => text.includes('Keyferry-Error: draining'));
  expect(served.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  expect(answers.length).toBe(served.length + refused.length);
  expect(refused[0]).toMatch(/^HTTP\/1.1 503 .*\r\nRetry-After: 1\r\n.*connection: close/is);
});
