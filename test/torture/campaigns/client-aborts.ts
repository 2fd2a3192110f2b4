import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { vi } from 'vitest';
import { PATIENCE_MS } from '../../support/patience.js';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { type ServedKeyferry, serveKeyferry } from '../../support/serve-process.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const MIB = 1024 * 1024;
const WORKERS = 16;
/** Before memory is measured: compiled code, pools, caches that are full. */
const WARM_UP = 1_000;
/** What is held after garbage is collected; 200 bytes per abort in a slice would be found. */
const MAX_HEAP_GROWTH = 2 * MIB;
/** For so long the server takes the rest of a body that is not wanted. */
const LONGEST_DISCARD_MS = 11_000;
const MAX_RESIDENT_GROWTH = 64 * MIB;
/** Connections to the upstream that wait to be used again. */
const MAX_DESCRIPTORS = 4 * WORKERS;
const GARBAGE = new URL('../../support/collect-garbage.mjs', import.meta.url).href;
const CHUNK_OF_MANY = `3e8\r\n${'x'.repeat(1000)}\r\n`;

/** Clients that leave at any point of a request or its answer leave nothing behind. */
export const campaign: Campaign = {
  name: 'client-aborts',
  threat: 'slow clients, huge headers, floods',
  target: 100_000,
  unit: 'client aborts',
  slice: 25_000,
  missing: () => (process.platform === 'linux' ? undefined : 'there is no /proc here'),
  run,
};

/** What a client sends before it leaves; undefined = nothing. `/slow` begins an answer, `/silent` none. */
const BEGINNINGS: readonly ((token: string) => string | undefined)[] = [
  () => undefined,
  (token) => requestHead('GET', '/api/quick', token).slice(0, 60),
  (token) => requestHead('GET', '/api/quick', token),
  (token) => requestHead('GET', '/api/slow', token),
  (token) => requestHead('GET', '/api/silent', token),
  (token) => `${requestHead('POST', '/api/silent', token, ['Content-Length: 1000'])}half a body`,
  (token) =>
    requestHead('POST', '/api/silent', token, ['Transfer-Encoding: chunked']) + CHUNK_OF_MANY,
  (token) => requestHead('GET', '/api/quick', token) + requestHead('GET', '/api/silent', token),
  (token) =>
    requestHead('GET', '/api/silent', token, [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ]),
  (token) =>
    requestHead('POST', '/api/silent', token, ['Expect: 100-continue', 'Content-Length: 9']),
  () => requestHead('GET', '/api/quick', 'kfc_unknown'),
];

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const origin = await startPlainUpstream((request, response) => {
    request.resume();
    if (request.url === '/quick') response.end('ok');
    if (request.url === '/slow') response.write('a part');
  });
  const server = await serveKeyferry({
    flags: ['--log-level', 'error'],
    environment: { NODE_OPTIONS: `--import ${GARBAGE}` },
  });
  await server.secret('key', { production: 'real-key' });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
  const token = await server.client('production');
  const port = Number(new URL(server.proxyUrl).port);

  const abortMany = async (aborts: number): Promise<number> => {
    let begun = 0;
    const work = async (): Promise<void> => {
      while (begun < aborts && signal?.aborted !== true) {
        begun++;
        await abortOne(port, BEGINNINGS[Math.floor(random() * BEGINNINGS.length)]?.(token), random);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    return begun;
  };

  await abortMany(Math.min(WARM_UP, count));
  const before = await settled(server);
  const done = await abortMany(count);
  let after = await settled(server);
  if (after.heapBytes - before.heapBytes > MAX_HEAP_GROWTH) {
    await wait(LONGEST_DISCARD_MS);
    after = await settled(server);
  }
  const findings: string[] = [];
  const heap = after.heapBytes - before.heapBytes;
  if (heap > MAX_HEAP_GROWTH) findings.push(`${heap} more bytes are held after ${done} aborts`);
  const resident = after.residentBytes - before.residentBytes;
  if (resident > MAX_RESIDENT_GROWTH) findings.push(`the process grew by ${resident} bytes`);
  const descriptors = after.descriptors - before.descriptors;
  if (descriptors > MAX_DESCRIPTORS) findings.push(`${descriptors} more descriptors are open`);
  if (after.inFlight !== 0) findings.push(`${after.inFlight} requests are under way`);
  const series = after.series - before.series;
  if (series > BEGINNINGS.length) findings.push(`${series} more lines of metrics`);
  if (server.child.exitCode !== null) findings.push('the server ended');
  const note = `${heap} bytes more held, ${resident} bytes more resident, ${descriptors} more descriptors`;
  return { done, findings, note };
}

/** Connects, sends, and leaves at once, within 5 ms, or at the first bytes of an answer; by a reset or an end. */
async function abortOne(
  port: number,
  text: string | undefined,
  random: () => number,
): Promise<void> {
  const [when, how] = [random(), random()];
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  const heard = (...events: string[]): Promise<void> =>
    new Promise((resolve) => {
      for (const event of [...events, 'close']) socket.once(event, () => resolve());
    });
  const closed = heard();
  const answered = heard('data');
  await heard('connect');
  if (text !== undefined) socket.write(text);
  if (when < 0.3) await Promise.race([answered, wait(20)]);
  else if (when < 0.7) await wait(random() * 5);
  if (how < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

interface State {
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly inFlight: number;
  /** Lines of metrics. */
  readonly series: number;
}

/** What the server holds once nothing is under way. */
async function settled(server: ServedKeyferry): Promise<State> {
  const metrics = async (): Promise<string> => (await fetch(`${server.adminUrl}/metrics`)).text();
  const inFlight = (text: string) => Number(/^keyferry_requests_in_flight (\d+)$/m.exec(text)?.[1]);
  // The same answer that says so is the one that is judged: who left before the server had accepted the connection may
  // come after any of them.
  const untilIdle = async (): Promise<string> => {
    let text = '';
    const isIdle = async (): Promise<boolean> => {
      text = await metrics();
      return inFlight(text) === 0;
    };
    await vi.waitUntil(isIdle, { timeout: PATIENCE_MS, interval: 100 }).catch(() => undefined);
    return text;
  };
  await untilIdle();
  const times = (): number => server.output.split('garbage collected\n').length;
  for (let round = 0; round < 3; round++) {
    const before = times();
    server.child.kill('SIGUSR2');
    await vi.waitUntil(() => times() > before, { timeout: PATIENCE_MS });
    await wait(200);
  }
  const text = await untilIdle();
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return {
    heapBytes: Number(/^keyferry_nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]),
    residentBytes: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    inFlight: inFlight(text),
    series: text.split('\n').length,
  };
}
