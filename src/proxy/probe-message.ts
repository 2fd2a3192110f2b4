import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { normaliseHeaderName, type Plan } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { InboundRequest, InboundResponse } from './inbound-message.js';

/** Some upstreams refuse requests without one. */
const USER_AGENT = 'Keyferry';

/** A request of Keyferry's own: nobody is behind it who could be slow, leave, or be told to wait. */
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
  readonly #body: Uint8Array;

  /** `headers` are name, value, …; the length of the body is put to them. */
  constructor(method: string, url: string, headers: readonly string[], body: Uint8Array) {
    super();
    this.method = method;
    this.url = url;
    this.#body = body;
    const { length } = body;
    this.rawHeaders = length === 0 ? [...headers] : [...headers, 'Content-Length', String(length)];
  }

  watchBody(): void {}
  unwatchBody(): void {}
  dropRest(): void {}

  override _read(): void {
    if (this.#body.length > 0) this.push(this.#body);
    this.push(null);
  }
}

/** What some upstreams refuse requests without, but for what is placed: name, value, …. */
export function defaultHeaders(isGiven: (normalisedName: string) => boolean): string[] {
  const headers = [
    ['User-Agent', USER_AGENT],
    ['Accept', '*/*'],
  ];
  return headers.filter(([name = '']) => !isGiven(normaliseHeaderName(name))).flat();
}

/** A probe: the least request that its plan can complete. */
export function probeRequest(plan: Plan, method: string, url: string): ProbeRequest {
  const isPlaced = (name: string): boolean => plan.headerNames.has(name);
  const headers = ['Host', plan.upstream.host, ...defaultHeaders(isPlaced)];
  const { json, form } = plan.completion?.body ?? {};
  const type =
    json !== undefined
      ? 'application/json'
      : form !== undefined
        ? 'application/x-www-form-urlencoded'
        : undefined;
  if (type !== undefined && !isPlaced('content-type')) headers.push('Content-Type', type);
  return new ProbeRequest(method, url, headers, Buffer.from(json === undefined ? '' : '{}'));
}

/** The answer is known from its head; of a body so much is let come. */
const MAX_BODY_BYTES = 64 * 1024;

/** Where the response to a probe goes: nowhere. */
export class DroppedResponse implements InboundResponse {
  sendDate = false;
  headersSent = false;
  /** Called when more than is wanted came: nobody waits for the rest. */
  onEnough: () => void = () => undefined;
  #bytesLeft = MAX_BODY_BYTES;

  writeHead(_status: number, _message: string | string[], _headers?: string[]): void {
    this.headersSent = true;
  }

  write(piece: Buffer): boolean {
    this.#bytesLeft -= piece.length;
    if (this.#bytesLeft < 0) this.onEnough();
    return true;
  }

  writeContinue(): void {}
  flushHeaders(): void {}
  once(): void {}
  addTrailers(): void {}
  end(_body?: string): void {}
}

/** Keeps the response to a request that a person tries, as far as it may be shown. */
export class KeptResponse extends DroppedResponse {
  /** Name, value, …. */
  head: readonly string[] = [];
  /** Whether the whole body came. */
  isWhole = false;
  readonly #pieces: Buffer[] = [];

  get body(): Buffer {
    return Buffer.concat(this.#pieces).subarray(0, MAX_BODY_BYTES);
  }

  override writeHead(status: number, message: string | string[], headers: string[] = []): void {
    this.head = typeof message === 'string' ? headers : message;
    super.writeHead(status, message);
  }

  override write(piece: Buffer): boolean {
    this.#pieces.push(piece);
    return super.write(piece);
  }

  override end(): void {
    this.isWhole = true;
  }
}
