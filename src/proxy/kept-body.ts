import type { Readable } from 'node:stream';
import type { InboundRequest } from './inbound-message.js';
import { type ByteBudget, KeptBytes } from './kept-bytes.js';
import { ReplayedBody } from './replayed-body.js';

/** A request's body as it comes, kept within limits so that it can be sent once more. */
export class KeptBody {
  /** Also where there is none. */
  hasBegun: boolean;
  hasEnded: boolean;
  readonly #request: InboundRequest;
  readonly #hasBody: boolean;
  /** Undefined where it is not kept, or no longer. */
  #kept: KeptBytes | undefined;
  /** As it was read to be changed or signed. */
  #gathered: Buffer | undefined;
  #onBegin: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  /** `maxBytes`: 0 = it is not kept. */
  constructor(request: InboundRequest, hasBody: boolean, maxBytes: number, budget: ByteBudget) {
    this.#request = request;
    this.#hasBody = hasBody;
    this.hasBegun = !hasBody;
    this.hasEnded = !hasBody;
    if (hasBody && maxBytes > 0) this.#kept = new KeptBytes(maxBytes, budget);
  }

  /** Whether what has come so far can be sent again. */
  get isKept(): boolean {
    return !this.#hasBody || this.#kept !== undefined || this.#gathered !== undefined;
  }

  came(piece: Buffer): void {
    if (this.#kept?.add(piece) === false) this.#letGo();
    this.#begin();
  }

  ended(): void {
    this.hasEnded = true;
    this.#begin();
    const next = this.#onEnd;
    this.#onEnd = undefined;
    next?.();
  }

  gathered(whole: Buffer): void {
    this.#gathered = whole;
  }

  whenBegun(next: () => void): void {
    this.#onBegin = next;
    // Over HTTP/2 nothing comes before somebody reads.
    this.#request.read(0);
  }

  whenEnded(next: () => void): void {
    this.#onEnd = next;
  }

  /** Another reader for all of it; null where there is none, undefined where it is not kept whole. */
  replay(): Readable | null | undefined {
    if (!this.#hasBody) return null;
    const bytes = this.#gathered ?? (this.hasEnded ? this.#kept?.bytes : undefined);
    return bytes === undefined ? undefined : new ReplayedBody(bytes, this.#request);
  }

  /** The same where it was not sent after all: the request itself where nobody has read of it. */
  untouched(): Readable | null | undefined {
    if (!this.#hasBody || this.#request.readableDidRead) return this.replay();
    this.#request.unpipe();
    return this.#request;
  }

  /** Lets the rest of it come though nobody reads it. */
  drain(): void {
    this.#request.unpipe();
    this.#request.resume();
  }

  release(): void {
    this.#letGo();
    this.#gathered = undefined;
    this.#onBegin = undefined;
    this.#onEnd = undefined;
  }

  #letGo(): void {
    this.#kept?.release();
    this.#kept = undefined;
  }

  #begin(): void {
    this.hasBegun = true;
    const next = this.#onBegin;
    this.#onBegin = undefined;
    next?.();
  }
}
