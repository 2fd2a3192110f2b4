import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { createBrotliCompress, createGzip } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { formsOf } from '../support/canary.js';
import { memoryGrowth } from '../support/memory-growth.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { seededRandom } from '../support/seeded-random.js';
import { type ServedKeyferry, serveKeyferry } from '../support/serve-process.js';

const MB = 1_000_000;
const MAX_GROWTH = 64 * 1024 * 1024;
const VALUE = 'sk_live_9bQ2x7Vt4LmZ1pRc8WdK5nYh';
const FORMS = formsOf(VALUE).filter(({ name }) => !/bytes|UTF-16/.test(name));
const LONGEST = Math.max(...FORMS.map(({ bytes }) => bytes.length));

/** A body of so many bytes, made as it is taken: text with a form of the value in every piece. */
function* textWithForms(length: number): Generator<Buffer> {
  const random = seededRandom(26);
  const filler = Buffer.alloc(64 * 1024, 'The quick brown fox jumps over the lazy dog. ');
  for (let made = 0; made < length; ) {
    const { bytes } = FORMS[Math.floor(random() * FORMS.length)] as (typeof FORMS)[number];
    const text = filler.subarray(0, 1 + Math.floor(random() * (filler.length - 1)));
    made += text.length + bytes.length;
    yield text;
    yield bytes;
  }
}

async function start(server: Server): Promise<{ keyferry: ServedKeyferry; token: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keyferry = await serveKeyferry({ flags: ['--log-level', 'error'] });
  await keyferry.secret('key', { production: VALUE });
  await keyferry.admin('PUT', '/v1/routes', {
    routes: [
      {
        name: 'api',
        match: { pathPrefix: '/api' },
        headers: { Authorization: 'Bearer <<secret:key>>' },
        environments: { production: { upstream, allowPrivateNetwork: true } },
      },
    ],
  });
  return { keyferry, token: await keyferry.client('production') };
}

function answerWith(response: ServerResponse, coding: string, length: number): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': coding });
  const compress =
    coding === 'gzip' ? createGzip({ level: 1 }) : coding === 'br' ? createBrotliCompress() : null;
  const body = textWithForms(length);
  if (compress === null) pipeline(body, response, () => undefined);
  else pipeline(body, compress, response, () => undefined);
}

test.skipIf(process.platform !== 'linux')(
  'a value in every piece of 100 MB: none is let through, and memory stays',
  async () => {
    const server = createServer((request, response) => {
      const [, , coding = '', megabytes] = (request.url ?? '').split('/');
      answerWith(response, coding, Number(megabytes) * MB);
    });
    const { keyferry, token } = await start(server);
    const port = Number(new URL(keyferry.proxyUrl).port);

    let leaks = 0;
    let masked = 0;
    const download = async (path: string): Promise<void> => {
      const { socket } = await rawClient(port);
      socket.removeAllListeners('data');
      let tail = Buffer.alloc(0);
      const ended = new Promise<void>((resolve) => {
        socket.on('data', (piece: Buffer) => {
          const text = Buffer.concat([tail, piece]);
          for (const { bytes } of FORMS) if (text.includes(bytes)) leaks++;
          for (let at = text.indexOf('[red'); at !== -1; at = text.indexOf('[red', at + 1))
            masked++;
          tail = Buffer.from(text.subarray(-LONGEST));
          if (text.includes('\r\n0\r\n\r\n')) resolve();
        });
        socket.on('close', () => resolve());
      });
      socket.write(requestHead('GET', `/api${path}`, token, ['Accept-Encoding: gzip, br']));
      await ended;
      socket.destroy();
    };

    await download('/x/identity/32');
    expect(await memoryGrowth(keyferry.pid, () => download('/x/identity/100'))).toBeLessThan(
      MAX_GROWTH,
    );
    await download('/x/gzip/16');
    expect(await memoryGrowth(keyferry.pid, () => download('/x/gzip/32'))).toBeLessThan(MAX_GROWTH);
    expect(leaks).toBe(0);
    expect(masked).toBeGreaterThan(3000);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a body that decodes to a gigabyte waits for a reader that stalls',
  async () => {
    const bomb = async (compress: ReturnType<typeof createGzip>): Promise<Buffer> => {
      const pieces: Buffer[] = [];
      compress.on('data', (piece: Buffer) => pieces.push(piece));
      const zeros = Buffer.alloc(MB);
      for (let i = 0; i < 200; i++) {
        if (!compress.write(zeros)) await new Promise((resolve) => compress.once('drain', resolve));
      }
      await new Promise<void>((resolve) => compress.end(() => resolve()));
      return Buffer.concat(pieces);
    };
    // Members of one gzip body follow each other.
    const zipped = await bomb(createGzip());
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      for (let i = 0; i < 5; i++) response.write(zipped);
      response.end();
    });
    const { keyferry, token } = await start(server);
    const port = Number(new URL(keyferry.proxyUrl).port);
    const grown = await memoryGrowth(keyferry.pid, async () => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => rawClient(port)));
      for (const { socket } of clients) {
        socket.pause();
        socket.write(requestHead('GET', '/api', token));
      }
      await wait(3000);
      for (const { socket } of clients) socket.destroy();
    });
    expect(grown).toBeLessThan(MAX_GROWTH);
  },
);
