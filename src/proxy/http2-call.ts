import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2';
import { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import type { RouteTimeouts } from '../core/index.js';
import { http2Headers } from './http2-headers.js';
import { Http2Request } from './http2-request.js';
import { ReplayedBody } from './replayed-body.js';

/** What is sent, as undici's `dispatch` takes it. */
export interface Http2CallOptions {
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value; Host among them. */
  readonly headers: readonly string[];
  readonly body: Readable | Uint8Array | string | null;
}

type CallStream = ClientHttp2Stream & { call?: Http2Call };

/** One request on one stream of HTTP/2 to an upstream, and undici's controller for it. */
export class Http2Call implements Dispatcher.DispatchController {
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] = [];
  rawTrailers: Buffer[] = [];
  readonly #options: Http2CallOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #timeouts: RouteTimeouts;
  #stream: CallStream | undefined;
  #onOver: ((timedOut: boolean) => void) | undefined;
  #hasHead = false;
  #over = false;

  constructor(
    options: Http2CallOptions,
    handler: Dispatcher.DispatchHandler,
    timeouts: RouteTimeouts,
  ) {
    this.#options = options;
    this.#handler = handler;
    this.#timeouts = timeouts;
  }

  /** Sends it. `onOver` is called once, when nothing more can come of it. */
  start(session: ClientHttp2Session, onOver: (timedOut: boolean) => void): void {
    this.#onOver = onOver;
    this.#handler.onRequestStart?.(this, undefined);
    if (this.#over) return;
    const { body } = this.#options;
    let stream: CallStream;
    try {
      const waitForTrailers = mayHaveTrailers(body);
      stream = session.request(this.#head(), { endStream: body === null, waitForTrailers });
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    this.#stream = stream;
    stream.call = this;
    noteCut(stream);
    stream.setTimeout(this.#timeouts.headersMs);
    stream
      .on('headers', onInterim)
      .on('response', onResponse)
      .on('trailers', onTrailers)
      .on('timeout', onTimeout);
    stream.on('error', onError).on('close', onClose);
    if (mayHaveTrailers(body)) stream.on('wantTrailers', onWantTrailers);
    if (body instanceof Readable) {
      body.on('error', (error) => this.fail(error));
      body.pipe(stream);
    } else if (body !== null) stream.end(body);
  }

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
    this.fail(reason);
  }

  pause(): void {
    this.paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.paused = false;
    this.#stream?.resume();
  }

  fail(error: Error, timedOut = false): void {
    if (this.#over) return;
    this.#end(timedOut);
    this.#handler.onResponseError?.(this, error);
  }

  headCame(stream: CallStream, flags: number, raw: readonly string[]): void {
    if (this.#over) return;
    const status = Number(raw[1]);
    // An interim response that also ends the stream.
    if (status < 200) {
      this.fail(broken());
      return;
    }
    this.#hasHead = true;
    this.rawHeaders = bytesOf(raw.slice(2));
    stream.setTimeout(this.#timeouts.idleMs);
    this.#tell(() => this.#handler.onResponseStart?.(this, status, {}, ''));
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) this.ended();
    else if (!this.#over) {
      stream.on('end', onEnd).on('data', onData);
      if (this.paused) stream.pause();
    }
  }

  interimCame(status: number): void {
    if (!this.#over) this.#tell(() => this.#handler.onResponseStart?.(this, status, {}, ''));
  }

  bodyCame(piece: Buffer): void {
    if (!this.#over) this.#tell(() => this.#handler.onResponseData?.(this, piece));
  }

  trailersCame(raw: readonly string[]): void {
    this.rawTrailers = bytesOf(raw);
  }

  /** The upstream has said everything. */
  ended(): void {
    if (this.#over) return;
    this.#end(false);
    this.#tell(() => this.#handler.onResponseEnd?.(this, {}));
  }

  /** Nothing has moved on the stream for as long as its phase may take. */
  timedOut(stream: CallStream): void {
    if (!this.#hasHead) this.fail(new errors.HeadersTimeoutError(), true);
    // It is the client that reads nothing.
    else if (this.paused) stream.setTimeout(this.#timeouts.idleMs);
    else this.fail(new errors.BodyTimeoutError(), true);
  }

  trailersWanted(stream: CallStream): void {
    const { body } = this.#options;
    stream.sendTrailers(mayHaveTrailers(body) ? http2Headers(body.keptTrailers) : {});
  }

  /** An error that the handler throws is that of its response. */
  #tell(report: () => void): void {
    try {
      report();
    } catch (error) {
      this.#end(false);
      this.#handler.onResponseError?.(this, error as Error);
    }
  }

  #end(timedOut: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const stream = this.#stream;
    const { body } = this.#options;
    if (body instanceof Readable && !body.readableEnded) {
      if (stream !== undefined) body.unpipe(stream);
      body.destroy();
    }
    if (stream !== undefined && !stream.destroyed) {
      // Without effect where both sides have said everything.
      stream.close(constants.NGHTTP2_CANCEL);
      // One that was reset without an error would stay.
      setImmediate(destroyStream, stream);
    }
    this.#onOver?.(timedOut);
  }

  #head(): OutgoingHttpHeaders {
    const { method, path, headers } = this.#options;
    const { host, ...rest } = http2Headers(headers);
    const head: OutgoingHttpHeaders = {
      ':method': method,
      ':path': path,
      ...(host === undefined ? {} : { ':authority': host }),
      ...rest,
    };
    // A table of headers that all clients of a connection share must not hold what one of them may guess at.
    return Object.assign(head, { [sensitiveHeaders]: Object.keys(head) });
  }
}

function mayHaveTrailers(body: Http2CallOptions['body']): body is Http2Request | ReplayedBody {
  return body instanceof Http2Request || body instanceof ReplayedBody;
}

function destroyStream(stream: CallStream): void {
  stream.destroy();
}

function bytesOf(texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

function broken(): Error {
  return Object.assign(new Error('stream closed'), { code: 'ERR_HTTP2_STREAM_ERROR' });
}

/**
 * A stream that is reset without an error ends for its readers as if its last frame had come. Where the first
 * end is pushed after it was closed, it was cut.
 */
function noteCut(stream: CallStream): void {
  const push = stream.push.bind(stream);
  let ended = false;
  stream.push = (piece: unknown, encoding?: BufferEncoding): boolean => {
    if (piece === null && !ended) {
      ended = true;
      if (stream.closed) stream.call?.fail(broken());
    }
    return push(piece, encoding);
  };
}

function onInterim(this: CallStream, headers: IncomingHttpHeaders): void {
  this.call?.interimCame(Number(headers[':status']));
}

function onResponse(this: CallStream, _headers: unknown, flags: number, raw: string[]): void {
  this.call?.headCame(this, flags, raw);
}

function onTrailers(this: CallStream, _headers: unknown, _flags: number, raw: string[]): void {
  this.call?.trailersCame(raw);
}

function onData(this: CallStream, piece: Buffer): void {
  this.call?.bodyCame(piece);
}

function onEnd(this: CallStream): void {
  this.call?.ended();
}

function onTimeout(this: CallStream): void {
  this.call?.timedOut(this);
}

function onWantTrailers(this: CallStream): void {
  this.call?.trailersWanted(this);
}

function onError(this: CallStream, error: Error): void {
  this.call?.fail(error);
}

function onClose(this: CallStream): void {
  this.call?.fail(broken());
}
