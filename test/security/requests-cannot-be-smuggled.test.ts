import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rawClient } from '../support/raw-client.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const SMUGGLED = 'GET /api/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const CHUNKED_SMUGGLED = `0\r\n\r\n${SMUGGLED}`;

/** Framing headers of the first request, and what follows its head. */
const ATTEMPTS: readonly (readonly [framing: string, after: string])[] = [
  [`Content-Length: 6\r\nTransfer-Encoding: chunked`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding: chunked\r\nContent-Length: ${CHUNKED_SMUGGLED.length}`, CHUNKED_SMUGGLED],
  [`Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED],
  [`Content-Length: ${SMUGGLED.length}\r\nContent-Length: 0`, SMUGGLED],
  [`Content-Length : ${SMUGGLED.length}`, SMUGGLED],
  [`Transfer-Encoding : chunked`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding: xchunked\r\nContent-Length: 3`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding:\tchunked\r\nContent-Length: 3`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding: chunked\r\nTransfer-Encoding: x`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding: "chunked"`, CHUNKED_SMUGGLED],
  [`X: y\nTransfer-Encoding: chunked`, CHUNKED_SMUGGLED],
  [`Foo: bar\r\n Transfer-Encoding: chunked`, CHUNKED_SMUGGLED],
  [`Transfer-Encoding: chunked`, `0;\n\r\n\r\n${SMUGGLED}`],
  [`Transfer-Encoding: chunked`, `0x0\r\n\r\n${SMUGGLED}`],
  [`Transfer-Encoding: chunked`, `-1\r\n\r\n${SMUGGLED}`],
  [`Transfer-Encoding: chunked`, `FFFFFFFFFFFFFFFF1\r\n${SMUGGLED}`],
  [`Connection: Content-Length\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED],
  [`Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked`, CHUNKED_SMUGGLED],
  [`Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED],
  [
    `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nContent-Length: ${SMUGGLED.length}`,
    SMUGGLED,
  ],
];

test('what the upstream counts as requests is what was accepted', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token, decisions } = await startProxyBefore(upstream.origin);
  for (const method of ['GET', 'POST']) {
    for (const [framing, after] of ATTEMPTS) {
      const client = await rawClient(port);
      const head = `${method} /api HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${token}\r\n${framing}\r\n\r\n`;
      client.send(head + after);
      await client.response();
      // What is left, if anything, is answered too.
      await Promise.race([client.untilClosed(), wait(30)]);
      client.socket.destroy();
    }
  }
  expect(upstream.seen.filter(({ target }) => target === '/smuggled')).toEqual([]);
  const accepted = decisions.filter(({ status }) => status === 200);
  expect(upstream.seen.length).toBe(accepted.length);
  // The secret only in its own place.
  for (const { rawHeaders, target, body } of upstream.seen) {
    const holding = [target, String(body), ...rawHeaders].filter((text) => text.includes(REAL_KEY));
    expect(holding).toEqual([`Bearer ${REAL_KEY}`]);
  }
});
