import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';

const MIB = 1024 * 1024;

describe('while a cutover is under way', () => {
  it('a client that has everything refused has each request sent twice, not more', async () => {
    const upstream = await startKeyedUpstream([]);
    const rig = await startCutover(upstream.origin);
    for (const begin of [() => rig.canary({ share: 0.5 }), () => rig.window()]) {
      begin();
      upstream.seen.length = 0;
      for (let i = 0; i < 10; i++) await sendRequest(rig, { body: `request ${i}` });
      const bodies = upstream.seen.map(({ body }) => body);
      for (let i = 0; i < 10; i++) {
        expect(bodies.filter((body) => body === `request ${i}`)).toHaveLength(2);
      }
    }
  });

  it('an upstream whose answers break has it sent once', async () => {
    const answers = [
      'HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\nhalf',
      'HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n',
      'HTTP/1.1 401 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n',
      'nothing of HTTP',
      '',
    ];
    let heads = 0;
    const upstream = await startRawUpstream(({ socket }) => {
      socket.end(answers[heads++] ?? '');
    });
    const rig = await startCutover(upstream.origin);
    rig.canary();
    for (const _ of answers) await sendRequest(rig, { body: 'hello' }).catch(() => undefined);
    expect(heads).toBe(answers.length);
  });

  it('nothing that a client sends says which version its requests take', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY, NEW_KEY]);
    const rig = await startCutover(upstream.origin);
    const tries = [
      ['Keyferry-Version: 2'],
      ['Keyferry-Cutover: cutover-1'],
      ['Keyferry-Client: other'],
      [`Authorization: Bearer ${NEW_KEY}`],
      ['Authorization: Bearer <<secret:api_key@2>>'],
      ['X-Request-Id: cutover-1', 'Cookie: version=2; cutover=cutover-1'],
    ];
    const ask = async (): Promise<void> => {
      const client = await rawClient(rig.port);
      for (const [index, headers] of tries.entries()) {
        client.send(requestHead('GET', '/api/x?version=2&api_key@2', rig.token, headers));
        await client.until((text) => text.split('taken: ').length === index + 2);
      }
      client.socket.destroy();
    };
    rig.canary({ share: 0 });
    await ask();
    rig.canary({ share: 1, clients: new Set(['other']) });
    await ask();
    expect(new Set(upstream.keys())).toEqual(new Set([OLD_KEY]));
    upstream.seen.length = 0;
    rig.canary({ share: 1 });
    await ask();
    expect(new Set(upstream.keys())).toEqual(new Set([NEW_KEY]));
    // Over connections and requests: a sticky client is what it is.
    for (const share of [0.1, 0.5, 0.9]) {
      rig.canary({ share, stickyClients: true });
      upstream.seen.length = 0;
      await ask();
      await ask();
      expect(new Set(upstream.keys()).size).toBe(1);
    }
  });

  it('bodies of requests that stall are kept up to a limit, and let go of', async () => {
    let heads = 0;
    const server = createServer((request, response) => {
      heads++;
      request.resume().on('end', () => response.writeHead(401).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const rig = await startCutover(`http://127.0.0.1:${port}`, {
      refusedCredential: { maxRetryBytes: MIB },
    });
    rig.canary();
    const clients = await Promise.all(Array.from({ length: 70 }, () => rawClient(rig.port)));
    for (const client of clients) {
      const head = requestHead('POST', '/api/x', rig.token, [`Content-Length: ${MIB}`]);
      client.send(head + 'x'.repeat(MIB - 1));
    }
    await eventually(() => heads === clients.length);
    for (const client of clients) client.send('x');
    await Promise.all(clients.map((client) => client.until((text) => text.includes(' 401 '))));
    // Together they are 70 MiB, and 64 MiB are kept: what is not kept is sent once.
    expect(heads - clients.length).toBeGreaterThanOrEqual(60);
    expect(heads - clients.length).toBeLessThanOrEqual(64);
    for (const client of clients) client.socket.destroy();
    heads = 0;
    for (let i = 0; i < 3; i++) await sendRequest(rig, { body: 'x'.repeat(MIB) });
    expect(heads).toBe(6);
  });
});
