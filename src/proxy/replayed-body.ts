import { Readable } from 'node:stream';
import type { InboundRequest } from './inbound-message.js';

/** What was kept of a request's body, to be sent once more in the same framing. */
export class ReplayedBody extends Readable {
  readonly #bytes: Buffer;
  readonly #request: InboundRequest;

  constructor(bytes: Buffer, request: InboundRequest) {
    super();
    this.#bytes = bytes;
    this.#request = request;
  }

  /** The trailers that may go on to an upstream. */
  get keptTrailers(): readonly string[] {
    return this.#request.keptTrailers;
  }

  override _read(): void {
    if (this.#bytes.length > 0) this.push(this.#bytes);
    this.push(null);
  }
}
