import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A request as it arrived, its body read to the end. */
export interface SeenRequest {
  readonly method: string;
  /** The raw target: path and query. */
  readonly target: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface PlannedAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** Answers one request. */
export type Answer = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

export interface TestUpstream {
  readonly server: Server;
  readonly origin: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Sockets accepted so far, whether or not a request followed. */
  readonly connections: number;
  /** Answers given, in order, before the upstream answers by itself again. */
  readonly planned: PlannedAnswer[];
}

/** An upstream on a free loopback port that keeps every request it saw. Gone when the test is over. */
export async function startUpstream(
  answer: Answer,
  options: { tls?: SecureContextOptions } = {},
): Promise<TestUpstream> {
  const seen: SeenRequest[] = [];
  const planned: PlannedAnswer[] = [];
  let connections = 0;

  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const target = request.url ?? '';
    const one: SeenRequest = {
      method: request.method ?? '',
      target,
      url: new URL(target, 'http://upstream.invalid'),
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(pieces),
    };
    seen.push(one);
    const next = planned.shift();
    if (next === undefined) await answer(one, response);
    else sendAnswer(response, next);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    onRequest(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
  const server =
    options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  server.on('connection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    server: server as Server,
    origin: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    seen,
    planned,
    get connections() {
      return connections;
    },
  };
}

/** Sends a whole answer: a string body as it is, anything else as JSON. */
export function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: PlannedAnswer,
): void {
  const isText = typeof body === 'string';
  const text = body === undefined ? '' : isText ? body : JSON.stringify(body);
  const type = body === undefined || isText ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, {
    ...type,
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
