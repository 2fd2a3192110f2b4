import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { AppError } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { InboundRequest } from './inbound-message.js';

/** How long the rest of a body that is not wanted is read and dropped, so that the client can read its answer. */
const DISCARD_MS = 10_000;

/**
 * A request of HTTP/1 that knows its exchange, so that its events need no closures. Its body can become unwanted
 * (the answer came first, the upstream died): the rest is then dropped, and the connection stays, because the
 * client is to read the answer.
 */
export class ProxyRequest extends IncomingMessage implements InboundRequest {
  exchange: Exchange | undefined;
  /** It asks to be told to continue while earlier answers are owed. */
  expectsOutOfTurn = false;

  get problem(): AppError | undefined {
    // node:http would write "100 Continue" between the head and the body of this request's own answer.
    if (this.expectsOutOfTurn) {
      const detail =
        'A request with Expect must wait for the answers that are owed before its own.';
      return new AppError('request_rejected', detail);
    }
    if (this.httpVersionMajor === 1) return undefined;
    return new AppError('request_rejected', 'Only HTTP/1.0 and HTTP/1.1 are taken here.');
  }

  get acceptsTrailers(): boolean {
    return false;
  }

  /** Those of HTTP/1.1 do not pass. */
  get keptTrailers(): readonly string[] {
    return [];
  }

  watchBody(idleMs: number): void {
    this.on('timeout', onBodyIdle);
    this.setTimeout(idleMs);
  }

  unwatchBody(): void {
    this.setTimeout(0);
  }

  dropRest(): void {
    // How node:http closes a connection after its last answer. Closed while the client still sends, it would be
    // reset, and the client lose what it has not read of that answer (RFC 9112 section 9.6).
    this.socket.destroySoon = endOnly;
    setImmediate(dropBody, this);
  }

  /** The parser's way in: a piece of the body, or null at its end. */
  override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
    if (piece === null) this.exchange?.bodyEnded();
    else this.exchange?.bodyCame(piece);
    return super.push(piece, encoding);
  }

  override destroy(error?: Error): this {
    if (this.socket.destroyed) {
      // How node:http tells the requests of a connection that it is gone, also those whose answer waits in line.
      this.exchange?.abandon();
      return super.destroy(error);
    }
    if (this.readableEnded) return super.destroy(error);
    // It will be read by another sending.
    if (this.exchange?.paired?.keepsBody === true) return this;
    // undici wants no more of the body. Destroyed, a request takes its connection with it.
    return this.resume();
  }
}

/** Nothing has come for as long as a body may be silent. */
function onBodyIdle(this: ProxyRequest): void {
  const { exchange } = this;
  if (exchange === undefined) return;
  if (exchange.over) this.socket.destroy();
  // Not read at the moment: it is the upstream that takes nothing, and its own timeouts watch it.
  else if (this.readableFlowing !== true) this.setTimeout(this.socket.timeout ?? 0);
  else exchange.fail('request_timeout', 'The request body stalled.');
}

function dropBody(request: ProxyRequest): void {
  const { socket } = request;
  if (socket.destroyed) return;
  if (request.complete) {
    mayClose(socket);
    return;
  }
  request.resume();
  const deadline = setTimeout(() => socket.destroy(), DISCARD_MS);
  deadline.unref();
  request.once('end', () => {
    clearTimeout(deadline);
    mayClose(socket);
  });
}

function endOnly(this: Socket): void {
  this.end();
}

/** The whole body has come: the connection closes as ever, at once if it was to. */
function mayClose(socket: Socket): void {
  socket.destroySoon = Socket.prototype.destroySoon;
  if (socket.writableEnded) socket.destroySoon();
}
