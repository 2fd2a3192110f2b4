import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import { startProxyBefore } from '../support/start-proxy.js';

/** Over HTTP/1.1: so many interim responses, then the final one, for each request. */
const startHinting = (count: () => number) =>
  startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(count()));
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

/** The same over HTTP/2. */
async function startHinting2(count: () => number): Promise<{ readonly origin: string }> {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    for (let i = 0; i < count(); i++) stream.additionalHeaders({ ':status': 103, link: '</a>' });
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test.each([
  ['HTTP/1.1', startHinting, false],
  ['HTTP/2', startHinting2, true],
] as const)(
  'over %s, an upstream does not put off its response with others for ever',
  async (_name, start, http2) => {
    let count = 1000;
    const { origin } = await start(() => count);
    const { port, token } = await startProxyBefore(origin, { http2 });
    const ask = async () =>
      (await rawClient(port)).send(requestHead('GET', '/api', token)).response();
    expect(await ask()).toMatchObject({ status: 200, body: 'ok' });
    count = 1001;
    const answer = await ask();
    expect(answer.headers['keyferry-error']).toBe('upstream_protocol_error');
    expect(answer.body).toContain('1xx');
    count = 3;
    expect(await ask()).toMatchObject({ status: 200, body: 'ok' });
  },
);
