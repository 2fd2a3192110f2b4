import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { startRawUpstream } from '../../support/raw-upstream.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const IDLE_MS = 2;

/** What a request leaves behind on its connection to the upstream. */
const LEFTOVERS: readonly ((honest: string, forged: string, socket: Socket) => void)[] = [
  (honest, forged, socket) => void socket.write(honest + forged),
  (_honest, forged, socket) => void socket.write(`HTTP/1.1 204 No Content\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${forged.length}\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${forged}`),
  (honest, forged, socket) => void socket.write(`${honest}\r\n${forged}`),
  // The next answer would complete it.
  (honest, forged, socket) => void socket.write(honest + forged.slice(0, 20)),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 102 Processing\r\nContent-Length: 9\r\n\r\n${forged}${forged}`),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n${forged}`),
  (_honest, forged, socket) =>
    void socket.write(
      `HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${forged}`,
    ),
  (_honest, forged, socket) =>
    void socket.write(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${forged}`,
    ),
  (_honest, forged, socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\nX-A: b\nX-B: c\r\n\r\n${forged}`),
  // Comes while the connection is idle. What comes after the next request was sent is an answer to it.
  (honest, forged, socket) => {
    socket.write(honest);
    setTimeout(() => socket.write(forged), IDLE_MS);
  },
];

/** Responses that are left behind for the next request on a connection: none is taken. */
export const campaign: Campaign = {
  name: 'poisoned-answers',
  threat: 'response of one request answered to another',
  target: 1_000,
  unit: 'poisoning attempts',
  slice: 5_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const leftovers = Array.from({ length: count }, () => Math.floor(random() * LEFTOVERS.length));
  const upstream = await startRawUpstream(({ socket }, head) => {
    const number = /\r\nx-n: (\d+)/i.exec(head)?.[1] ?? '';
    const honest = `HTTP/1.1 200 OK\r\nContent-Length: ${number.length}\r\n\r\n${number}`;
    const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
    if (head.includes('/victim')) socket.write(honest);
    else LEFTOVERS[leftovers[Number(number)] ?? 0]?.(honest, forged, socket);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const victim = await rawClient(port);
  let attacker = await rawClient(port);
  const findings: string[] = [];
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    // HEAD, whose answer then has a body, and GET; some attackers do not wait for their answer.
    const method = random() < 0.5 ? 'HEAD' : 'GET';
    attacker.send(requestHead(method, '/api/attack', token, [`X-N: ${done}`]));
    const comesLater = leftovers[done] === LEFTOVERS.length - 1;
    if (random() < 0.15 && !comesLater) {
      attacker.socket.destroy();
      attacker = await rawClient(port);
    } else {
      await attacker.response(method);
      if (attacker.closed !== 'open') attacker = await rawClient(port);
    }
    if (comesLater) await wait(IDLE_MS * 4);
    victim.send(requestHead('GET', '/api/victim', token, [`X-N: ${done}`]));
    const { status, body } = await victim.response();
    if (status !== 200 || body !== String(done)) {
      findings.push(`request ${done} was answered ${status} ${body} (leftover ${leftovers[done]})`);
    }
    done++;
  }
  return { done, findings };
}
