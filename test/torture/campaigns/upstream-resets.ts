import { setTimeout as wait } from 'node:timers/promises';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { type RawConnection, startRawUpstream } from '../../support/raw-upstream.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WORKERS = 8;

interface Shape {
  readonly response: string;
  /** Whether the body ends with the connection: a plain end is then a whole response. */
  readonly endsByClose: boolean;
}

const SHAPES: readonly Shape[] = [
  {
    response:
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n' +
      '5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nX-T: 1\r\n\r\n',
    endsByClose: false,
  },
  { response: 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world', endsByClose: false },
  {
    response: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
    endsByClose: false,
  },
  { response: 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello, world', endsByClose: true },
  { response: 'HTTP/1.0 200 OK\r\n\r\nhello', endsByClose: true },
];

/** A place at which a response breaks off: after so many bytes of a shape. */
interface Break {
  readonly shape: Shape;
  readonly bytes: number;
}

/** Every byte of every shape; what ends with its connection also breaks after its last one. */
const BREAKS: readonly Break[] = SHAPES.flatMap((shape) =>
  Array.from({ length: shape.response.length + (shape.endsByClose ? 1 : 0) }, (_, bytes) => ({
    shape,
    bytes,
  })),
);

/** An upstream that dies within its response: the answer is cut, never ended cleanly, and no POST is sent twice. */
export const campaign: Campaign = {
  name: 'upstream-resets',
  threat: 'upstream dies mid-response',
  target: 1_000,
  unit: 'resets, at every byte of a response',
  slice: 5_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  const arrivals = new Map<number, number>();
  const breakOf = (number: number): Break => BREAKS[(seed + number) % BREAKS.length] as Break;
  /** What becomes of request number N: so many milliseconds later, by a reset or an end, in one piece or two. */
  const plans = Array.from({ length: count }, () => ({
    delayMs: Math.floor(random() * 4),
    ends: random() < 0.2,
    at: random(),
    version: random() < 0.3 ? '1.0' : '1.1',
  }));

  const upstream = await startRawUpstream(({ socket }: RawConnection, head) => {
    const number = Number(/\r\nx-n: (\d+)/i.exec(head)?.[1]);
    arrivals.set(number, (arrivals.get(number) ?? 0) + 1);
    const { shape, bytes } = breakOf(number);
    const plan = plans[number];
    const text = shape.response.slice(0, bytes);
    const cut = Math.floor((plan?.at ?? 0) * bytes);
    socket.write(text.slice(0, cut));
    socket.write(text.slice(cut), () => {
      setTimeout(() => {
        if (plan?.ends === true) socket.end();
        else socket.resetAndDestroy();
      }, plan?.delayMs);
    });
  });
  const { port, token, decisions, ended } = await startProxyBefore(upstream.origin);
  let next = 0;
  let resets = 0;
  const work = async (): Promise<void> => {
    while (next < count && signal?.aborted !== true) {
      const number = next++;
      const { shape, bytes } = breakOf(number);
      const { ends = false, version = '1.1' } = plans[number] ?? {};
      if (!ends) resets++;
      const client = await rawClient(port);
      const head = requestHead('POST', '/api', token, [`X-N: ${number}`, 'Content-Length: 1']);
      client.send(`${head.replace('HTTP/1.1', `HTTP/${version}`)}x`);
      const place = `${ends ? 'end' : 'reset'} after ${bytes} bytes of ${JSON.stringify(shape.response)}`;
      try {
        const { complete, headers, status } = await client.response();
        const isOwn = status === 502 && headers['keyferry-error'] === 'upstream_protocol_error';
        const headEnd = shape.response.indexOf('\r\n\r\n') + 4;
        const isWhole = ends && shape.endsByClose && bytes >= headEnd;
        if (complete && !isOwn && !isWhole) findings.push(`a clean ending: ${place}`);
        if (!complete && isWhole) findings.push(`a whole response was cut: ${place}`);
      } catch {
        // Closed within the head: cut.
      }
      client.socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  await ended(next);
  await wait(10);
  for (const [number, times] of arrivals) {
    if (times > 1) findings.push(`POST ${number} arrived ${times} times`);
  }
  if (arrivals.size !== next) findings.push(`${arrivals.size} of ${next} POSTs arrived`);
  if (decisions.length !== next) findings.push(`${decisions.length} decisions of ${next}`);
  return { done: next, findings, note: `${resets} resets, ${next - resets} early ends` };
}
