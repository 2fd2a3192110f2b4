import { expect, test } from 'vitest';
import { rawClient } from '../support/raw-client.js';
import { serveKeyferry } from '../support/serve-process.js';

test('NODE_OPTIONS=--insecure-http-parser makes neither listener lenient', async () => {
  const environment = { NODE_OPTIONS: '--insecure-http-parser' };
  const { proxyUrl, adminUrl } = await serveKeyferry({ environment });
  for (const url of [proxyUrl, adminUrl]) {
    const { port, host } = new URL(url);
    for (const line of ['X-A: b\x01c', 'Content-Length : 0', 'X-A: b\r\n c']) {
      const client = await rawClient(Number(port));
      client.send(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n${line}\r\n\r\n`);
      expect(await client.response()).toMatchObject({ status: 400 });
      client.socket.destroy();
    }
  }
});
