import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.js';
import { ProxyRequest } from './proxy-request.js';

/**
 * The answers of pipelined requests, which wait on their connection for earlier ones. `node:http` lets go of a
 * connection the moment a request on it asks for an upgrade or for CONNECT, also while earlier answers are owed:
 * from there on nobody would send them, or notice that the client left.
 */
export class AnswersInLine {
  readonly #waiting = new WeakMap<Socket, Set<Exchange>>();

  /**
   * Whether the connection ends with an earlier answer. What came behind it must not be processed (RFC 9112 section
   * 9.6): after a request that was refused it may be no request at all.
   */
  isClosed({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (socket.writableEnded) return true;
    if (response.socket !== null) return false;
    if (isLast(Reflect.get(socket, '_httpMessage'))) return true;
    for (const one of this.#waiting.get(socket) ?? []) if (isLast(one.response)) return true;
    return false;
  }

  /** To be called with every exchange; most have their connection at once. */
  note(exchange: Exchange, response: ServerResponse): void {
    const { request } = exchange;
    if (response.socket !== null) return;
    const known = this.#waiting.get(request.socket);
    if (known === undefined) this.#waiting.set(request.socket, new Set([exchange]));
    else known.add(exchange);
    response.once('close', () => this.#waiting.get(request.socket)?.delete(exchange));
  }

  /**
   * Ends a connection that `node:http` has let go of while answers were owed on it; false when none are. The
   * first of them says why, unless it has begun; the others are given up.
   */
  endIfOwed(socket: Socket, idleMs: number): boolean {
    const response: unknown = Reflect.get(socket, '_httpMessage');
    if (!(response instanceof ServerResponse)) return false;
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    const first = response.req instanceof ProxyRequest ? response.req.exchange : undefined;
    for (const exchange of this.#waiting.get(socket) ?? []) {
      if (exchange !== first) exchange.abandon();
    }
    first?.fail('request_rejected', 'An upgrade must wait for the answers that came before it.');
    socket.destroySoon();
    return true;
  }
}

/** How `node:http` marks an answer that said `Connection: close`, once its head is written. */
function isLast(response: unknown): boolean {
  return response instanceof ServerResponse && Reflect.get(response, '_last') === true;
}
