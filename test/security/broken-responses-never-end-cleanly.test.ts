import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import { startProxyBefore } from '../support/start-proxy.js';

const BEGINNINGS = [
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
];

test('1,000 resets within a response: each is cut, none of the POSTs is sent twice', async () => {
  const upstream = await startRawUpstream(({ socket }, head) => {
    const number = Number(/\r\nx-n: (\d+)/i.exec(head)?.[1]);
    socket.write(BEGINNINGS[number % BEGINNINGS.length] ?? '', () => {
      setTimeout(() => socket.resetAndDestroy(), number % 5);
    });
  });
  const { port, token, decisions, ended } = await startProxyBefore(upstream.origin);
  let clean = 0;
  await Promise.all(
    Array.from({ length: 10 }, async (_, worker) => {
      for (let i = 0; i < 100; i++) {
        const client = await rawClient(port);
        const number = `X-N: ${worker * 100 + i}`;
        client.send(`${requestHead('POST', '/api', token, [number, 'Content-Length: 1'])}x`);
        const answer = await client.response();
        // A reset that overtook the head is an error of its own, and complete.
        if (answer.complete && answer.status !== 502) clean++;
        client.socket.destroy();
      }
    }),
  );
  expect(clean).toBe(0);
  await ended(1000);
  expect(decisions.every(({ code }) => code === 'upstream_protocol_error')).toBe(true);
  const numbers = [...upstream.received.matchAll(/\r\nX-N: (\d+)/g)].map((match) => match[1]);
  expect(numbers).toHaveLength(1000);
  expect(new Set(numbers).size).toBe(1000);
});
