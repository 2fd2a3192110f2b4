import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { memoryGrowth } from '../support/memory-growth.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { serveKeyferry } from '../support/serve-process.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const PIECE = Buffer.alloc(256 * 1024, 'x');

/** What the server's process may grow by, as the operating system counts it (issue 2, threats). */
const MAX_GROWTH = 64 * MIB;

/** Writes so many bytes as fast as they are taken; tells how many were taken so far. */
function pour(socket: Socket, length: number): { readonly sent: () => number } {
  let sent = 0;
  const go = (): void => {
    while (sent < length) {
      const piece = length - sent < PIECE.length ? PIECE.subarray(0, length - sent) : PIECE;
      sent += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', go);
  go();
  return { sent: () => sent };
}

/** Answers `/down/N` with N bytes, and takes the body of anything else before it answers. */
async function startUpstream(): Promise<{ origin: string; sent: () => number }> {
  let poured = { sent: () => 0 };
  const server = createServer((socket) => {
    let left = -1;
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      let { length } = piece;
      if (left === -1) {
        const head = piece.toString('latin1', 0, 4096);
        const down = /^GET \/down\/(\d+)/.exec(head)?.[1];
        if (down !== undefined) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${down}\r\n\r\n`);
          poured = pour(socket, Number(down));
          return;
        }
        left = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        length -= head.indexOf('\r\n\r\n') + 4;
      }
      left -= length;
      if (left > 0) return;
      left = -1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, sent: () => poured.sent() };
}

test.skipIf(process.platform !== 'linux')(
  '1 GiB each way adds at most 64 MiB of memory, and a stalled reader stalls the sender',
  async () => {
    const upstream = await startUpstream();
    const keyferry = await serveKeyferry({ flags: ['--log-level', 'error'] });
    await keyferry.admin('PUT', '/v1/routes', {
      routes: [
        {
          name: 'api',
          match: { pathPrefix: '/api' },
          maxRequestBytes: GIB,
          environments: { production: { upstream: upstream.origin, allowPrivateNetwork: true } },
        },
      ],
    });
    const token = await keyferry.client('production');
    const port = Number(new URL(keyferry.proxyUrl).port);
    const { pid } = keyferry;

    const download = async (length: number): Promise<void> => {
      const { socket } = await rawClient(port);
      socket.removeAllListeners('data');
      let received = 0;
      const done = new Promise<void>((resolve) => {
        socket.on('data', (piece) => {
          received += piece.length;
          if (received > length) resolve();
        });
      });
      socket.write(requestHead('GET', `/api/down/${length}`, token));
      await done;
      socket.destroy();
    };
    const upload = async (length: number): Promise<void> => {
      const client = await rawClient(port);
      client.send(requestHead('POST', '/api/up', token, [`Content-Length: ${length}`]));
      pour(client.socket, length);
      expect(await client.response()).toMatchObject({ status: 200 });
      client.socket.destroy();
    };

    // What any work takes: compiled code, buffers, and the 64 MiB of buffers after which V8 collects them.
    await download(64 * MIB);
    await upload(64 * MIB);
    expect(await memoryGrowth(pid, () => download(GIB))).toBeLessThan(MAX_GROWTH);
    expect(await memoryGrowth(pid, () => upload(GIB))).toBeLessThan(MAX_GROWTH);

    const grown = await memoryGrowth(pid, async () => {
      const { socket } = await rawClient(port);
      socket.pause();
      socket.write(requestHead('GET', `/api/down/${GIB}`, token));
      let before = -1;
      while (before !== upstream.sent() || before <= 0) {
        before = upstream.sent();
        await wait(500);
      }
      // What the kernel holds of two connections, and little more.
      expect(before).toBeLessThan(MAX_GROWTH);
      socket.destroy();
    });
    expect(grown).toBeLessThan(MAX_GROWTH);
  },
);
