import { IncomingMessage } from 'node:http';
import type { Exchange } from './exchange.js';

/**
 * A request that knows its exchange, so that its events need no closures. Its body can become unwanted (the
 * answer came first, the upstream died): the rest is then dropped, and the connection stays, because the client
 * is to read the answer.
 */
export class ProxyRequest extends IncomingMessage {
  exchange: Exchange | undefined;

  /** The parser's way in: a piece of the body, or null at its end. */
  override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
    if (piece === null) this.exchange?.bodyEnded();
    else this.exchange?.bodyCame(piece.length);
    return super.push(piece, encoding);
  }

  override destroy(error?: Error): this {
    if (this.socket.destroyed) {
      // How node:http tells the requests of a connection that it is gone, also those whose answer waits in line.
      this.exchange?.abandon();
      return super.destroy(error);
    }
    if (this.readableEnded) return super.destroy(error);
    // undici wants no more of the body. Destroyed, a request takes its connection with it.
    return this.resume();
  }
}
