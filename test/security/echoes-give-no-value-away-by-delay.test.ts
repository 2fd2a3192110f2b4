import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { rawClient } from '../support/raw-client.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';

/** Streams back what a client streams to it, and holds no credential itself. */
async function startStreamingBack(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders();
    request.on('data', (piece: Buffer) => response.write(piece));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a guess of the next letter comes back no sooner or later than any other', async () => {
  const { port, token } = await startProxyBefore(await startStreamingBack());
  const client = await rawClient(port);
  const send = (text: string): void => {
    client.send(`${text.length.toString(16)}\r\n${text}\r\n`);
  };
  client.send(
    `POST /api HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  /** What of a guess came back before it was ended. */
  const cameAtOnce = async (guess: string): Promise<string> => {
    send('begin ');
    await client.until((text) => text.includes('begin '));
    client.received = '';
    send(guess);
    await wait(30);
    const came = client.received;
    send(' end\n');
    await client.until((text) => text.includes('end\n'));
    // It was only late.
    expect(client.received.replaceAll(/[^\w]|\r\n[0-9a-f]+\r\n/g, '')).toContain('end');
    client.received = '';
    return came;
  };
  for (const known of [0, 1, 10, REAL_KEY.length - 2]) {
    const right = REAL_KEY.slice(0, known + 1);
    const wrong = `${REAL_KEY.slice(0, known)}~`;
    expect(await cameAtOnce(right)).toBe(await cameAtOnce(wrong));
  }
  client.send('0\r\n\r\n');
});
