import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { Flood } from '../support/flood.js';
import { requestHead } from '../support/raw-client.js';
import { serveKeyferry } from '../support/serve-process.js';

const TORTURE = process.env.KEYFERRY_TORTURE !== undefined;
/** What must be left of the best that there is without overload (threats). */
const GOODPUT = 0.9;

/** Answers each head `ok`, after a while. */
async function startUpstream(delayMs: number): Promise<string> {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
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
  const route: Route = {
    name: 'api',
    match: { pathPrefix: '/api' },
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

test.skipIf(!TORTURE)(
  'twice what the process can do: it sheds before it collapses, and serves as much as before',
  async () => {
    const upstream = await startUpstream(0);
    const flags = ['--max-event-loop-delay-ms', '100'];
    const { server, flood, open } = await startFlood(upstream, 32, flags);
    await flood.closedLoop(32, 5000);
    const best = await flood.closedLoop(32, 10_000);
    const bestPerSecond = best.okMs.length / best.seconds;
    await open(2000);
    const loaded = await flood.openLoop(bestPerSecond * 2, 20_000);
    const inTime = loaded.okMs.filter((ms) => ms < 2000).length;
    console.log(
      JSON.stringify({
        bestPerSecond: Math.round(bestPerSecond),
        servedInTimePerSecond: Math.round(inTime / loaded.seconds),
        answers: loaded.answers,
        lost: loaded.lost,
        medianMs: loaded.okMs[Math.floor(loaded.okMs.length / 2)],
        slowestMs: loaded.okMs.at(-1),
      }),
    );
    expect(inTime / loaded.seconds).toBeGreaterThanOrEqual(bestPerSecond * GOODPUT);
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^keyferry_shedding [01]$/m);
  },
  120_000,
);
