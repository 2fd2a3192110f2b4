import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { Flood } from '../support/flood.js';
import { requestHead } from '../support/raw-client.js';
import { serveKeyferry } from '../support/serve-process.js';

const TORTURE = process.env.KEYFERRY_TORTURE !== undefined;
/** What must be left of the best that there is without overload (threats). */
const GOODPUT = 0.9;

const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
/** An answer that comes later is of no use. */
const IN_TIME_MS = 3000;

/** Answers each head, after a while. */
async function startUpstream(delayMs: number, answer: Buffer = OK): Promise<string> {
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

async function startFlood(
  upstream: string,
  connections: number,
  flags: readonly string[],
  options: Partial<RouteEnvironment> = {},
) {
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
  const open = (count: number) => flood.open(Number(new URL(server.proxyUrl).port), count);
  await open(connections);
  return { server, flood, open };
}

test('twice what an upstream takes: what it takes is still served, the rest is told so at once', async () => {
  const atOnce = 40;
  const answerMs = 200;
  const upstream = await startUpstream(answerMs);
  const limits = { concurrentRequests: atOnce };
  const { server, flood } = await startFlood(upstream, 400, [], { limits });
  // In turns, so that what else the machine does weighs on both.
  let [best, loaded, limitedAnswers] = [0, 0, 0];
  for (let round = 0; round < 3; round++) {
    const calm = await flood.closedLoop(atOnce, 1200);
    expect(Object.keys(calm.answers)).toEqual(['200']);
    best += calm.okMs.length / calm.seconds;
    const storm = await flood.openLoop((calm.okMs.length / calm.seconds) * 2, 1200);
    expect(storm.lost).toBe(0);
    expect(Object.keys(storm.answers)).toEqual(['200', '429']);
    loaded += storm.okMs.length / storm.seconds;
    limitedAnswers += storm.answers[429] ?? 0;
  }
  expect(loaded).toBeGreaterThanOrEqual(best * GOODPUT);
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const limited = 'keyferry_requests_limited_total{scope="route",limit="concurrency"}';
  const count = Number(metrics.slice(metrics.indexOf(limited) + limited.length).split('\n')[0]);
  expect(count).toBe(limitedAnswers);
}, 60_000);

/** Work for the process: each response is searched for the value that was placed. */
const TEXT = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${512 * 1024}\r\n\r\n${'lorem ipsum dolor sit amet '.repeat(20_000).slice(0, 512 * 1024)}`;

test.skipIf(!TORTURE).each([
  { flags: ['--max-concurrent-requests', '32'], connections: 300 },
  { flags: ['--max-event-loop-delay-ms', '50'], connections: 300 },
])(
  'twice what the process can do, with $flags: it serves as much as before',
  async ({ flags, connections }) => {
    const upstream = await startUpstream(0, Buffer.from(TEXT));
    const { server, flood, open } = await startFlood(upstream, 16, flags);
    await flood.closedLoop(16, 2000);
    let [best, inTime, slowestMs] = [0, 0, 0];
    const answers: Record<string, number> = {};
    for (let round = 0; round < 3; round++) {
      const calm = await flood.closedLoop(16, 4000);
      const perSecond = calm.okMs.length / calm.seconds;
      await open(connections);
      const storm = await flood.openLoop(perSecond * 2, 8000);
      best += perSecond;
      inTime += storm.okMs.filter((ms) => ms < IN_TIME_MS).length / storm.seconds;
      slowestMs = Math.max(slowestMs, storm.okMs.at(-1) ?? 0);
      for (const [status, count] of Object.entries(storm.answers)) {
        answers[status] = (answers[status] ?? 0) + count;
      }
    }
    console.log(JSON.stringify({ flags, best: best / 3, inTime: inTime / 3, answers, slowestMs }));
    expect(Object.keys(answers)).toEqual(['200', '503']);
    expect(inTime).toBeGreaterThanOrEqual(best * GOODPUT);
    expect((await server.stop()).exitCode).toBe(0);
  },
  180_000,
);
