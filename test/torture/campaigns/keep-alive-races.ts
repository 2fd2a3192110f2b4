import { setTimeout as wait } from 'node:timers/promises';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { startRawUpstream } from '../../support/raw-upstream.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WORKERS = 4;
const BODY = 'charge the card';

/**
 * Connections that the upstream closes at the moment a POST is sent on them: none is sent twice, and an answer
 * is that of its own request.
 */
export const campaign: Campaign = {
  name: 'keep-alive-races',
  threat: 'upstream dies mid-response',
  target: 10_000,
  unit: 'keep-alive races with a POST',
  slice: 10_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  const arrivals = new Map<number, number>();
  /** When a connection closes: right after its answer, a little later, or when the next request comes. */
  const upstream = await startRawUpstream(({ socket, received }, head) => {
    const number = Number(/\r\nx-n: (\d+)/i.exec(head)?.[1]);
    arrivals.set(number, (arrivals.get(number) ?? 0) + 1);
    const isFirst = received.indexOf('\r\nX-N: ') === received.lastIndexOf('\r\nX-N: ');
    const close = (): void => {
      if (random() < 0.5) socket.end();
      else socket.resetAndDestroy();
    };
    const dice = random();
    if (!isFirst && dice < 0.15) {
      close();
      return;
    }
    const text = String(number);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    if (dice < 0.4) setImmediate(close);
    else if (dice < 0.55) process.nextTick(close);
    else if (dice < 0.9) setTimeout(close, random() * 3);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  let next = 0;
  const answered: Record<string, number> = { 200: 0, 502: 0 };
  const work = async (): Promise<void> => {
    const client = await rawClient(port);
    while (next < count && signal?.aborted !== true) {
      const number = next++;
      const head = requestHead('POST', '/api', token, [
        `X-N: ${number}`,
        `Content-Length: ${BODY.length}`,
      ]);
      client.send(head + BODY);
      const { status, body } = await client.response();
      answered[status] = (answered[status] ?? 0) + 1;
      if (status === 200 && body !== String(number)) {
        findings.push(`POST ${number} was answered with ${body}`);
      } else if (status === 200 && arrivals.get(number) !== 1) {
        findings.push(`POST ${number} was answered and arrived ${arrivals.get(number)} times`);
      } else if (status !== 200 && status !== 502) {
        findings.push(`POST ${number} was answered ${status}`);
      }
      // So that the next one meets the close at any moment.
      if (random() < 0.7) await wait(random() * 3);
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  await wait(50);
  for (const [number, times] of arrivals) {
    if (times > 1) findings.push(`POST ${number} arrived ${times} times`);
  }
  const note = `${answered[200]} answered, ${answered[502]} told that it broke; ${upstream.connections.length} connections`;
  return { done: next, findings, note };
}
