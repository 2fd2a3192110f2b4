/** The upstream of every row: answers 1 KiB of JSON at once. */
import { createServer } from 'node:http';
import { announce } from './announce.js';

const body = Buffer.from(JSON.stringify({ ok: true, text: 'x'.repeat(1024 - 22) }));
const headers = [
  ['Content-Type', 'application/json'],
  ['Content-Length', String(body.length)],
  ['Cache-Control', 'no-cache'],
  ['Server', 'upstream'],
].flat();

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, headers);
  response.end(body);
});
server.keepAliveTimeout = 120_000;
announce(server, 'upstream');
