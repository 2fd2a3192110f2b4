import { type AddressInfo, createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { Flood } from './flood.js';
import { requestHead } from './raw-client.js';
import { type ServedKeyferry, serveKeyferry } from './serve-process.js';

/** A whole answer of 200 with this text. */
export function answerOf(text: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}`;
  return Buffer.from(`${head}\r\n\r\n${text}`, 'latin1');
}

/** Gives each request the same answer, after a while. Gone after the test. */
export async function startDelayedUpstream(answer: Buffer, delayMs: number): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      if (delayMs === 0) socket.write(answer);
      else setTimeout(() => socket.write(answer), delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface FloodRig {
  readonly server: ServedKeyferry;
  readonly flood: Flood;
  /** Opens what is missing to so many connections. */
  readonly open: (connections: number) => Promise<void>;
}

/** A server of its own process with a route `api`, and connections that can flood it. */
export async function startFlood(
  upstream: string,
  connections: number,
  flags: readonly string[],
  options: Partial<RouteEnvironment> = {},
): Promise<FloodRig> {
  const server = await serveKeyferry({ flags: ['--log-level', 'error', ...flags] });
  await server.secret('key', { production: 'real_live_4f9c2e7ab8d14c60' });
  const route: Route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream, allowPrivateNetwork: true, ...options } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  const token = await server.client('production');
  const flood = new Flood(requestHead('GET', '/api/x', token));
  onTestFinished(() => flood.close());
  const open = (count: number): Promise<void> =>
    flood.open(Number(new URL(server.proxyUrl).port), count);
  await open(connections);
  return { server, flood, open };
}
