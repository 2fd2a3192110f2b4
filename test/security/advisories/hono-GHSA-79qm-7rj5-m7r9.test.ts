import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { startRawUpstream } from '../../support/raw-upstream.js';
import { startProxyBefore } from '../../support/start-proxy.js';

// Hono's proxy helper passed on response headers that Connection says are for one hop.
test('response headers that Connection names stay on their hop, however they are listed', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    const lines = [
      'Connection: X-One, x-TWO',
      'connection:X-Three,, ,keep-alive',
      'X-One: mine',
      'X-Two: mine',
      'x-three: mine',
      'X-THREE: mine',
      'X-Own: kept',
      'Content-Length: 2',
      'Keep-Alive: timeout=9',
    ];
    socket.write(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\nok`);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let i = 0; i < 2; i++) {
    client.send(requestHead('GET', '/api', token));
    const { body, headerLines } = await client.response();
    expect(body).toBe('ok');
    expect(headerLines).toContain('X-Own: kept');
    expect(headerLines.join('\n')).not.toContain('mine');
  }
});

test('Connection cannot name away what frames a response', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    const head = 'HTTP/1.1 200 OK\r\nConnection: Content-Length, Transfer-Encoding, X-Request-Id';
    socket.write(`${head}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const { headers, body } = await client.response();
  expect(headers['content-length']).toBe('2');
  expect(body).toBe('ok');
});
