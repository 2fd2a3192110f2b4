import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import type { Readable } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A request as it arrived, and what it was answered with. */
export interface KeyedRequest {
  readonly method: string;
  readonly key: string;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  readonly status: number;
}

export interface KeyedUpstream {
  readonly server: Server | Http2Server;
  readonly origin: string;
  /** Keys that it takes; others get 401. */
  readonly accepts: Set<string>;
  /** Those whose body came whole. */
  readonly seen: KeyedRequest[];
  /** Heads that came. */
  heads: number;
  /** Which refusals do not wait for the body. */
  refusesEarly: boolean;
  /** Whether each connection ends with its first answer; HTTP/1.1. */
  closes: boolean;
  /** Waited for before each answer. */
  pace: (key: string) => Promise<void> | void;
  keys(): string[];
}

/**
 * An upstream that knows credentials by `Authorization: Bearer KEY`. It answers 200 with `taken: ` and the body, or
 * 401 with `refused`, over HTTP/1.1 or HTTP/2. Gone after the test.
 */
export async function startKeyedUpstream(
  accepts: readonly string[],
  { http2 = false, tls }: { readonly http2?: boolean; readonly tls?: SecureContextOptions } = {},
): Promise<KeyedUpstream> {
  const http1 = (): Server => (tls === undefined ? createServer() : createTlsServer(tls));
  const server = http2 ? createHttp2Server() : http1();
  const upstream: KeyedUpstream = {
    server,
    origin: '',
    accepts: new Set(accepts),
    seen: [],
    heads: 0,
    refusesEarly: false,
    closes: false,
    pace: () => undefined,
    keys: () => upstream.seen.map(({ key }) => key),
  };
  type Answer = (status: number, text: string) => void;
  const take = async (
    body: Readable & { readonly trailers?: IncomingHttpHeaders },
    method: string,
    headers: IncomingHttpHeaders,
    answer: Answer,
  ): Promise<void> => {
    upstream.heads++;
    const key = (headers.authorization ?? '').replace('Bearer ', '');
    const status = upstream.accepts.has(key) ? 200 : 401;
    const early = status === 401 && upstream.refusesEarly;
    if (early) {
      await upstream.pace(key);
      answer(status, 'refused');
    }
    let text = '';
    let trailers: IncomingHttpHeaders = {};
    body.on('trailers', (found: IncomingHttpHeaders) => {
      trailers = found;
    });
    for await (const piece of body) text += (piece as Buffer).toString('latin1');
    upstream.seen.push({ method, key, headers, trailers, body: text, status });
    if (early) return;
    await upstream.pace(key);
    answer(status, status === 200 ? `taken: ${text}` : 'refused');
  };
  if (http2) {
    (server as Http2Server).on('session', (session) => onTestFinished(() => session.destroy()));
    (server as Http2Server).on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      take(stream, String(headers[':method']), headers, (status, text) => {
        if (stream.destroyed) return;
        stream.respond({ ':status': status, 'x-status': status });
        stream.end(text);
      }).catch(() => undefined);
    });
  } else {
    (server as Server).on('request', (request, response) => {
      take(request, request.method ?? '', request.headers, (status, text) => {
        if (upstream.closes) response.shouldKeepAlive = false;
        response.writeHead(status, { 'x-status': status });
        response.end(text);
      }).catch(() => undefined);
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    if (!http2) (server as Server).closeAllConnections();
  });
  return Object.assign(upstream, {
    origin: `http${tls === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
}

/** A way to an upstream on which each connection waits until it is let through. Gone after the test. */
export async function startTurnstile(
  upstream: string,
): Promise<{ origin: string; waiting: (() => void)[] }> {
  const { protocol, port } = new URL(upstream);
  const waiting: (() => void)[] = [];
  const server = createTcpServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.pause();
    waiting.push(() => {
      const through = connect(Number(port), '127.0.0.1');
      through.on('error', () => socket.destroy());
      socket.pipe(through).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port: own } = server.address() as AddressInfo;
  return { origin: `${protocol}//127.0.0.1:${own}`, waiting };
}
