import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { normaliseHeaderName, type Plan } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { InboundRequest, InboundResponse } from './inbound-message.js';

/** Some upstreams refuse requests without one. */
const USER_AGENT = 'Keyferry';

/** A request of Keyferry's own: nobody is behind it, and it has the least body that its plan can complete. */
export class ProbeRequest extends Readable implements InboundRequest {
  exchange: Exchange | undefined;
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly rawTrailers: string[] = [];
  readonly keptTrailers: readonly string[] = [];
  readonly httpVersionMinor = 1;
  /** Never connected: a client's address is not known to be any. */
  readonly socket = new Socket();
  readonly complete = true;
  readonly problem = undefined;
  readonly acceptsTrailers = false;
  #body: string | null;

  constructor({ completion, headerNames }: Plan, method: string, url: string) {
    super();
    this.method = method;
    this.url = url;
    const headers = [
      ['User-Agent', USER_AGENT],
      ['Accept', '*/*'],
    ];
    const { json, form } = completion?.body ?? {};
    this.#body = json === undefined ? '' : '{}';
    if (json !== undefined) {
      headers.push(['Content-Type', 'application/json'], ['Content-Length', '2']);
    } else if (form !== undefined) {
      headers.push(['Content-Type', 'application/x-www-form-urlencoded']);
    }
    const own = headers.filter(([name = '']) => !headerNames.has(normaliseHeaderName(name)));
    this.rawHeaders = own.flat();
  }

  watchBody(): void {}
  unwatchBody(): void {}
  dropRest(): void {}

  override _read(): void {
    if (this.#body !== null && this.#body !== '') this.push(this.#body);
    this.#body = null;
    this.push(null);
  }
}

/** Where the response to a probe goes: nowhere. */
export class DroppedResponse implements InboundResponse {
  sendDate = false;
  headersSent = false;
  #bytes = 0;
  readonly #maxBytes: number;
  readonly #onEnough: () => void;

  /** `onEnough` is called when more than `maxBytes` came: nobody waits for the rest. */
  constructor(maxBytes: number, onEnough: () => void) {
    this.#maxBytes = maxBytes;
    this.#onEnough = onEnough;
  }

  writeHead(): void {
    this.headersSent = true;
  }

  write(piece: Buffer): boolean {
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) this.#onEnough();
    return true;
  }

  writeContinue(): void {}
  flushHeaders(): void {}
  once(): void {}
  addTrailers(): void {}
  end(): void {}
}
