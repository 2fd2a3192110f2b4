import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * An upstream on a free loopback port that keeps nothing of what it saw, and no connection waiting for its own
 * time-out; gives its origin. Gone when the test is over.
 */
export async function startPlainUpstream(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
