import { connect } from 'node:net';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const MIB = 1024 * 1024;
const AT_ONCE = 50;
const MAX_RESIDENT_GROWTH = 192 * MIB;
const BEGINNING = 'GET /api HTTP/1.1\r\nHost: a\r\n';
const HEADS: readonly string[] = [
  `${BEGINNING}X-Long: ${'x'.repeat(80 * 1024)}`,
  `${BEGINNING}${'x'.repeat(80 * 1024)}`,
  `${BEGINNING}${`X-Filler: ${'x'.repeat(1000)}\r\n`.repeat(80)}`,
  `GET /api/${'x'.repeat(80 * 1024)} HTTP/1.1\r\n`,
];

/** Heads beyond the limit are refused before they are whole and take no memory; others are served meanwhile. */
export const campaign: Campaign = {
  name: 'huge-heads',
  threat: 'slow clients, huge headers, floods',
  target: 20_000,
  unit: 'huge heads',
  slice: 10_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const origin = await startPlainUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(origin);
  const client = await rawClient(port);
  const before = process.memoryUsage().rss;
  const findings: string[] = [];
  let refused = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - done) }, () =>
      sendHead(port, HEADS[Math.floor(random() * HEADS.length)] ?? ''),
    );
    for (const received of await Promise.all(batch)) {
      const status = received.slice(9, 12);
      if (status === '431') refused++;
      // Who still sends when it is refused may see a reset instead of the answer.
      else if (status !== '') findings.push(`a huge head was answered ${status}`);
    }
    done += batch.length;
    client.send(requestHead('GET', '/api', token));
    const { status } = await client.response();
    if (status !== 200) findings.push(`another client was answered ${status}`);
  }
  if (refused === 0) findings.push('no head was answered 431');
  const grown = process.memoryUsage().rss - before;
  if (grown > MAX_RESIDENT_GROWTH) findings.push(`the process grew by ${grown} bytes`);
  return { done, findings, note: `${refused} saw their 431; ${Math.round(grown / MIB)} MiB more` };
}

/** Gives what comes back until the connection is closed. */
function sendHead(port: number, head: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
    });
    socket.on('close', () => resolve(received));
    socket.write(head);
  });
}
