import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { AppError } from '../core/index.js';
import type { Exchange } from './exchange.js';

/**
 * A client's request as the request path sees it. Its head is said in the words of HTTP/1.1, whatever it came
 * by; its body is itself.
 */
export interface InboundRequest
  extends Readable,
    Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders' | 'rawTrailers' | 'httpVersionMinor'> {
  exchange: Exchange | undefined;
  /** The connection that it came on; others may share it. */
  readonly socket: IncomingMessage['socket'];
  /** The whole body has come. */
  readonly complete: boolean;
  /** What makes it unfit for the request path, beyond what its headers say. */
  readonly problem: AppError | undefined;
  /** The client said `TE: trailers` to this hop, where that is more than a habit (gRPC demands it). */
  readonly acceptsTrailers: boolean;
  /** The trailers that may go on to an upstream, once the body has ended: name, value, name, value. */
  readonly keptTrailers: readonly string[];
  /** From here on the body must keep coming: a stalled one fails its exchange. */
  watchBody(idleMs: number): void;
  /** The body has ended. */
  unwatchBody(): void;
  /** Nobody wants the rest of the body: it must not keep the client from reading its answer. */
  dropRest(): void;
}

/** What an exchange needs of the way back to the client. `ServerResponse` is one. */
export interface InboundResponse {
  sendDate: boolean;
  /** The head is decided: what comes after it can only be cut. */
  readonly headersSent: boolean;
  writeContinue(): void;
  writeHead(status: number, message: string, headers: string[]): unknown;
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False when the client takes less than comes: `drain` follows. */
  write(piece: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  addTrailers(trailers: [name: string, value: string][]): void;
  end(body?: string): unknown;
}
