import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';
import { campaign as hugeHeads } from '../torture/campaigns/huge-heads.js';
import { expectClean } from '../torture/expect-clean.js';

const okUpstream = () => startUpstream((_request, response) => void response.end('ok'));

/** Sends all of it and gives what comes back until the connection is closed. */
function flood(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
    });
    socket.on('close', () => resolve(received));
    for (const piece of pieces) socket.write(piece);
  });
}

test('1,000 huge heads are refused with 431 before they are whole, and take no memory', async () => {
  await expectClean(hugeHeads, 1_000);
});

test('more headers than are taken are refused with 431', async () => {
  const upstream = await okUpstream();
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api', token, Array(300).fill('X-A: b')));
  expect((await client.response()).status).toBe(431);
  expect(upstream.seen).toEqual([]);
});

test('one address cannot take every connection, and those it may have go on', async () => {
  const upstream = await okUpstream();
  const limits = { maxConnections: 20, maxConnectionsPerAddress: 5 };
  const { port, token, proxy } = await startProxyBefore(upstream.origin, {}, { limits });
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await rawClient(port));
  await vi.waitUntil(() => proxy.traffic().connections === 5, PATIENCE_MS);
  for (let i = 0; i < 3; i++) expect(await flood(port, ['GET / HTTP/1.1\r\n'])).toBe('');
  expect(proxy.traffic()).toMatchObject({
    connections: 5,
    refusedConnections: { address: 3, total: 0 },
  });
  for (const client of clients) {
    client.send(requestHead('GET', '/api', token));
    expect((await client.response()).status).toBe(200);
  }
  // Another address has its own share; one that leaves makes room.
  const elsewhere = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  onTestFinished(() => void elsewhere.destroy());
  await vi.waitUntil(() => proxy.traffic().connections === 6, PATIENCE_MS);
  clients[0]?.socket.destroy();
  await vi.waitUntil(() => proxy.traffic().connections === 5, PATIENCE_MS);
  const next = await rawClient(port);
  next.send(requestHead('GET', '/api', token));
  expect((await next.response()).status).toBe(200);
});

test('connections beyond the total are closed as they come, and counted', async () => {
  const upstream = await okUpstream();
  const limits = { maxConnections: 3 };
  const { port, proxy } = await startProxyBefore(upstream.origin, {}, { limits });
  for (let i = 0; i < 3; i++) await rawClient(port);
  await vi.waitUntil(() => proxy.traffic().connections === 3, PATIENCE_MS);
  expect(await flood(port, ['GET / HTTP/1.1\r\n'])).toBe('');
  expect(proxy.traffic().refusedConnections).toEqual({ total: 1, address: 0 });
});

test('more requests at once than the server takes are refused at once, and who does not wait is made to', async () => {
  const upstream = await startUpstream((_request, response) => {
    setTimeout(() => response.end('ok'), 300);
  });
  const limits = { maxConcurrentRequests: 1 };
  const { port, token } = await startProxyBefore(upstream.origin, {}, { limits });
  const [first, second] = [await rawClient(port), await rawClient(port)];
  first.send(requestHead('GET', '/api', token));
  await vi.waitUntil(() => upstream.seen.length === 1, PATIENCE_MS);
  second.send(requestHead('GET', '/api', token));
  expect(await second.response()).toMatchObject({
    status: 503,
    headers: { 'keyferry-error': 'overloaded', 'retry-after': '1' },
  });
  const refusedAt = performance.now();
  second.send(requestHead('GET', '/api', token));
  // Read only after the rest: by then there is room.
  expect((await second.response()).status).toBe(200);
  expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(450);
  expect((await first.response()).status).toBe(200);
  second.send(requestHead('GET', '/api', token));
  expect((await second.response()).status).toBe(200);
});
