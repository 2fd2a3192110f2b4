import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { AppError, type ErrorCode } from '../core/index.js';
import { grpcStatusOf } from './grpc-status.js';
import { http2Headers } from './http2-headers.js';
import type { Http2Request } from './http2-request.js';
import type { InboundResponse } from './inbound-message.js';

/**
 * The way back to a client of HTTP/2, on one stream. The head waits until something follows it, so that a
 * response without a body goes out as one frame that also ends it: a gRPC client takes an error that comes
 * otherwise for a broken call.
 */
export class Http2Response implements InboundResponse {
  /** Without effect: a Date is added where the upstream sent none (RFC 9110 section 6.6.1). */
  sendDate = true;
  readonly #stream: ServerHttp2Stream;
  readonly #request: Http2Request;
  readonly #stallMs: number;
  #head: OutgoingHttpHeaders | undefined;
  #trailers: OutgoingHttpHeaders = {};

  /** `stallMs`: how long the client may take nothing of what is there for it. */
  constructor(stream: ServerHttp2Stream, request: Http2Request, stallMs: number) {
    this.#stream = stream;
    this.#request = request;
    this.#stallMs = stallMs;
  }

  get headersSent(): boolean {
    return this.#head !== undefined;
  }

  writeContinue(): void {
    if (this.#writable) this.#stream.additionalHeaders({ ':status': 100 });
  }

  writeHead(status: number, message: string | string[], headers?: string[]): void {
    if (status > 599) {
      const detail = `The upstream's status ${status} cannot be passed on over HTTP/2.`;
      throw new AppError('upstream_protocol_error', detail);
    }
    const pairs = headers ?? (Array.isArray(message) ? message : []);
    this.#head = { ...http2Headers(pairs), ':status': status };
  }

  flushHeaders(): void {
    this.#respond(false);
  }

  write(piece: Buffer): boolean {
    this.#respond(false);
    return this.#writable ? this.#stream.write(piece) : true;
  }

  once(event: 'drain', listener: () => void): void {
    this.#stream.once(event, listener);
  }

  addTrailers(trailers: [name: string, value: string][]): void {
    this.#trailers = http2Headers(trailers.flat());
  }

  end(body?: string): void {
    const isBare = body === undefined && Object.keys(this.#trailers).length === 0;
    this.#respond(isBare);
    if (this.#writable) this.#stream.end(body);
  }

  /** The stream wants its trailers: everything else is on its way. */
  sendTrailers(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.sendTrailers(this.#trailers);
    this.#request.refuseRest();
  }

  /** Nothing has moved on the stream for `stallMs`. */
  idle(): void {
    const stream = this.#stream;
    if (!stream.headersSent || stream.destroyed) return;
    if (stream.writableNeedDrain || stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
    else stream.setTimeout(this.#stallMs);
  }

  /**
   * Answers a gRPC call with an error of Keyferry's own, in the form that its client understands
   * (`Trailers-Only` of the gRPC protocol). False when the request is no such call.
   */
  endGrpc(code: ErrorCode, detail: string, headers: readonly string[]): boolean {
    if (!this.#request.isGrpc) return false;
    const { 'content-length': _length, ...rest } = http2Headers(headers);
    this.#head = {
      ...rest,
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(grpcStatusOf(code)),
      'grpc-message': detail.replace(/[^\x20-\x24\x26-\x7e]/g, encodeURIComponent),
    };
    this.#respond(true);
    return true;
  }

  /** Resets the stream: what was sent is not the whole response. */
  reset(): void {
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  get #writable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.writableEnded;
  }

  #respond(endStream: boolean): void {
    const stream = this.#stream;
    const head = this.#head;
    if (stream.headersSent || stream.destroyed || stream.closed || head === undefined) return;
    try {
      stream.respond(head, { endStream, waitForTrailers: !endStream });
    } catch {
      this.reset();
      return;
    }
    stream.setTimeout(this.#stallMs);
    if (endStream) this.#request.refuseRest();
  }
}
