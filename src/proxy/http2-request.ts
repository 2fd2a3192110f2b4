import { METHODS } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { AppError } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { InboundRequest } from './inbound-message.js';
import { keptTrailers } from './kept-trailers.js';

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
const GRPC = /^application\/grpc(?:[+;]|$)/i;

/**
 * A request that came on a stream of HTTP/2. What RFC 9113 writes otherwise is written as HTTP/1.1 would have
 * it: `:authority` is the Host header, crumbs of cookies are one Cookie header (section 8.2.3), and a body
 * whose length nobody said is chunked. So everything behind it matches, checks and forwards one and the same
 * form. The parser has refused connection-specific headers, upper case, pseudo headers out of place and a
 * Content-Length that is not that of the body.
 */
export class Http2Request extends Readable implements InboundRequest {
  exchange: Exchange | undefined;
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[] = [];
  rawTrailers: string[] = [];
  readonly httpVersionMinor = 1;
  readonly socket: Socket;
  complete: boolean;
  readonly problem: AppError | undefined;
  acceptsTrailers = false;
  isGrpc = false;
  readonly #stream: ServerHttp2Stream;
  #bodyIdleMs = 0;

  constructor(
    stream: ServerHttp2Stream,
    socket: Socket,
    raw: readonly string[],
    maxHeaderBytes: number,
  ) {
    super({ emitClose: false });
    this.#stream = stream;
    this.socket = socket;
    const pseudo = this.#readHead(raw, !stream.endAfterHeaders);
    this.method = pseudo.method;
    this.url = pseudo.path;
    this.problem = problemOf(pseudo, maxHeaderBytes);
    this.complete = stream.endAfterHeaders;
  }

  watchBody(idleMs: number): void {
    this.#bodyIdleMs = idleMs;
    this.#stream.setTimeout(idleMs);
  }

  unwatchBody(): void {
    // Once the response has begun the timer is that of its reader.
    if (this.exchange?.response.headersSent === false) this.#stream.setTimeout(0);
  }

  /**
   * Nothing has moved on the stream for as long as a body may be silent. Once the response has begun that may
   * last: both sides of a gRPC call may wait for each other, and the upstream's own timeouts watch it.
   */
  bodyIdle(): void {
    const { exchange } = this;
    if (exchange === undefined || this.complete || exchange.response.headersSent) return;
    if (this.readableFlowing !== true) this.#stream.setTimeout(this.#bodyIdleMs);
    else exchange.fail('request_timeout', 'The request body stalled.');
  }

  bodyCame(piece: Buffer): void {
    this.exchange?.bodyCame(piece);
    if (!this.push(piece)) this.#stream.pause();
  }

  bodyEnded(): void {
    // A stream that was reset without an error ends too; its body is not whole.
    if (this.complete || this.#stream.aborted) return;
    this.complete = true;
    this.exchange?.bodyEnded();
    this.push(null);
  }

  get keptTrailers(): readonly string[] {
    const { exchange } = this;
    return exchange?.plan === undefined ? [] : keptTrailers(this.rawTrailers, exchange.plan);
  }

  /** The stream is gone: its client left, or everything was said. */
  streamClosed(): void {
    this.exchange?.abandon();
    super.destroy();
  }

  dropRest(): void {
    if (!this.#stream.destroyed) this.#stream.resume();
  }

  /** After the whole response: RFC 9113 section 8.1 has the client told that nobody wants the rest. */
  refuseRest(): void {
    if (!this.complete && !this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  override _read(): void {
    if (!this.#stream.destroyed) this.#stream.resume();
  }

  /** Who reads the body wants no more of it. The stream stays: the client is to read its answer. */
  override destroy(error?: Error): this {
    if (this.#stream.destroyed || this.readableEnded) return super.destroy(error);
    if (this.exchange?.paired?.keepsBody === true) return this;
    this.dropRest();
    return this.resume();
  }

  #readHead(raw: readonly string[], hasBody: boolean): Pseudo {
    const pseudo: Pseudo = { method: '', path: '', scheme: '', authority: undefined, bytes: 0 };
    const headers = this.rawHeaders;
    let cookie: string | undefined;
    let hasLength = false;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] as string;
      const value = raw[i + 1] as string;
      pseudo.bytes += name.length + value.length;
      switch (name) {
        case ':method':
          pseudo.method = value;
          break;
        case ':path':
          pseudo.path = value;
          break;
        case ':scheme':
          pseudo.scheme = value;
          break;
        case ':authority':
          pseudo.authority = value;
          headers.push('host', value);
          break;
        case 'host':
          // One that agrees says nothing new; a second one is refused where Host is counted.
          if (pseudo.authority === undefined || pseudo.authority !== value)
            headers.push(name, value);
          break;
        case 'cookie':
          cookie = cookie === undefined ? value : `${cookie}; ${value}`;
          break;
        case 'te':
          this.acceptsTrailers = true;
          break;
        case 'content-length':
          hasLength = true;
          headers.push(name, value);
          break;
        case 'content-type':
          this.isGrpc = GRPC.test(value);
          headers.push(name, value);
          break;
        default:
          headers.push(name, value);
          break;
      }
    }
    if (cookie !== undefined) headers.push('cookie', cookie);
    if (hasBody && !hasLength) headers.push('transfer-encoding', 'chunked');
    return pseudo;
  }
}

interface Pseudo {
  method: string;
  path: string;
  scheme: string;
  authority: string | undefined;
  /** Of the whole head. */
  bytes: number;
}

function problemOf(
  { method, scheme, bytes }: Pseudo,
  maxHeaderBytes: number,
): AppError | undefined {
  // The parser's own limit holds once the client has acknowledged it.
  if (bytes > maxHeaderBytes) {
    const detail = `The headers are longer than ${maxHeaderBytes} bytes.`;
    return new AppError('headers_too_large', detail);
  }
  if (!KNOWN_METHODS.has(method)) {
    return new AppError('request_rejected', 'The method is not known.');
  }
  if (scheme === 'https' || method === 'CONNECT') return undefined;
  return new AppError('request_rejected', 'The :scheme of a request over TLS must be "https".');
}
