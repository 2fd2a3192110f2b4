/**
 * The floor: the least that a correct proxy on `node:http` and undici can do. Raw headers both ways, hop-by-hop
 * headers left out, a body streamed with backpressure, errors answered. No routes, tokens, secrets or records.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { announce } from './announce.js';

const origin = process.argv[2] ?? '';
const { host } = new URL(origin);
const pool = new Pool(origin, { pipelining: 1 });
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);

class Handler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {
    // Nothing to prepare.
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    if (status < 200) return;
    const raw = (controller.rawHeaders ?? []) as Buffer[];
    const headers: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = (raw[i] as Buffer).toString('latin1');
      if (HOP_BY_HOP.has(name.toLowerCase())) continue;
      headers.push(name, (raw[i + 1] as Buffer).toString('latin1'));
    }
    this.#response.writeHead(status, message ?? '', headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#response.writeHead(502);
    this.#response.end();
  }
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const raw = request.rawHeaders;
  const headers = ['host', host];
  let hasBody = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (lower === 'transfer-encoding') hasBody = true;
    if (HOP_BY_HOP.has(lower)) continue;
    if (lower === 'content-length') hasBody = raw[i + 1] !== '0';
    headers.push(name, raw[i + 1] as string);
  }
  const method = request.method as Dispatcher.HttpMethod;
  const body = hasBody ? request : null;
  pool.dispatch({ path: request.url ?? '/', method, headers, body }, new Handler(response));
}

const server = createServer(handle);
server.keepAliveTimeout = 120_000;
announce(server, 'floor');
