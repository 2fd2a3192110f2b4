import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { requestHead } from '../support/raw-client.js';
import { type ServedKeyferry, serveKeyferry } from '../support/serve-process.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';
import type { Slice, SliceOutcome } from './campaign.js';

const MIB = 1024 * 1024;
const PER_SECOND = 200;
/** Who waits longer counts as not served. */
const SERVED_WITHIN_MS = 10_000;
const FILLED_MS = 1_000;
/** Readers are fewer, because filling the kernel's buffers for them is work of its own. */
const READERS_OF_ALL = 0.05;

/** A server with a route `/api`: `/huge` is more than the kernel's buffers hold, `/big` less, the rest is `ok`. */
export async function serveToSlow(
  flags: readonly string[],
): Promise<{ readonly server: ServedKeyferry; readonly token: string }> {
  const huge = Buffer.alloc(64 * MIB, 'x');
  const upstream = await startPlainUpstream((request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'application/octet-stream');
    if (request.url === '/huge') response.end(huge);
    else if (request.url === '/big') response.end(huge.subarray(0, 6 * MIB));
    else request.on('end', () => response.end('ok'));
  });
  const server = await serveKeyferry({ flags: ['--log-level', 'error', ...flags] });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    environments: { production: { upstream, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  return { server, token: await server.client('production') };
}

/** Opens connections that send this, and then what `trickle` says, a piece every second. */
export async function openSlow(
  port: number,
  count: number,
  first: string,
  trickle: string | undefined,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(100, count - sockets.length) }, () =>
      connect({ port, host: '127.0.0.1' }),
    );
    for (const socket of batch) {
      socket.on('error', () => undefined);
      socket.pause();
    }
    await Promise.all(batch.map((one) => new Promise((resolve) => one.once('connect', resolve))));
    for (const socket of batch) socket.write(first);
    sockets.push(...batch);
  }
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (trickle !== undefined && socket.writable) socket.write(trickle);
    }
  }, 1000);
  onTestFinished(() => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

/** A metric by the expression of its line's beginning. */
export function metricIn(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/**
 * Keeps so many connections that send heads and bodies and read responses slowly, all at once: at least 99.9 % of
 * what others ask for meanwhile is served.
 */
export async function serveBesideSlow({ count }: Slice, forMs: number): Promise<SliceOutcome> {
  const { server, token } = await serveToSlow(['--headers-timeout-ms', '3000']);
  const port = Number(new URL(server.proxyUrl).port);
  const readers = Math.round(count * READERS_OF_ALL);
  const bodies = Math.floor((count - readers) / 2);
  const head = requestHead('POST', '/api/x', token, ['Content-Length: 100000']);
  await openSlow(port, count - readers - bodies, head.slice(0, 40), 'a');
  await openSlow(port, bodies, `${head}a`, 'a');
  await openSlow(port, readers, requestHead('GET', '/api/big', token), undefined);

  const agent = keepAlive(64);
  const options = { agent, headers: { 'keyferry-token': token } };
  const ask = async (withinMs: number): Promise<void> => {
    const startedAt = performance.now();
    const { status, body } = await send(`${server.proxyUrl}/api/x`, options);
    if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
    if (performance.now() - startedAt > withinMs) throw new Error('too late');
  };
  // Until then what the kernel holds for the readers is being filled.
  await vi.waitFor(() => ask(FILLED_MS), { timeout: PATIENCE_MS });
  const load = startLoad(PER_SECOND, () => ask(SERVED_WITHIN_MS));
  await wait(forMs);
  const during = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const { sent, failures } = await load.stop();
  agent.destroy();
  const findings: string[] = [];
  // Those who sent no whole head are gone; who sends and reads little by little is let be.
  const inFlight = metricIn(during, 'keyferry_requests_in_flight');
  if (inFlight < bodies) findings.push(`of ${bodies} slow bodies ${inFlight} requests are left`);
  const open = metricIn(during, 'keyferry_connections');
  if (!(open < bodies + readers + 100)) findings.push(`${open} connections are open`);
  if (failures.length > sent / 1000) {
    findings.push(`${failures.length} of ${sent} were not served: ${failures[0]}`);
  }
  return { done: count, findings, note: `${sent - failures.length} of ${sent} served` };
}
