import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { ProxyLimits } from './create-http-server.js';
import { Http2Request } from './http2-request.js';
import { Http2Response } from './http2-response.js';

/** As an idle connection of HTTP/1.1. */
const IDLE_MS = 65_000;
/** How long the other side may take to close a connection whose session has ended. */
const LINGER_MS = 1000;
/**
 * How often a client shows that it is there. After some breaches of the protocol nghttp2 says GOAWAY and falls
 * silent, and Node notices not even that the client has closed its connection.
 */
const PING_EVERY_MS = 30_000;
/** Flow control per stream and per connection: what 50 ms of way and 5 or 20 MB/s need. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** Besides the headers that Keyferry counts: pseudo headers, and one to be seen as too many. */
const MORE_HEADERS = 6;
/** The largest stream id: GOAWAY with it announces the end and refuses nothing (RFC 9113 section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1;
/**
 * Streams of a connection that may come to a bad end at once, and per second from then on: resets by the client
 * (CVE-2023-44487) and those that it provokes (CVE-2025-8671). A little below nghttp2's own limit for the former,
 * past which it falls silent and leaves the connection open.
 */
const BAD_ENDS = 800;
const BAD_ENDS_PER_SECOND = 33;

type OnRequest = (request: Http2Request, response: Http2Response) => void;

/** Connections of clients that chose HTTP/2. */
export class Http2Sessions {
  readonly #sessions = new Set<ClientSession>();
  readonly #limits: ProxyLimits;
  readonly #onRequest: OnRequest;
  #draining = false;

  /** `onRequest` is called with each request, synchronously. */
  constructor(limits: ProxyLimits, onRequest: OnRequest) {
    this.#limits = limits;
    this.#onRequest = onRequest;
  }

  /** Speaks HTTP/2 on a connection that was accepted and whose handshake is done. */
  take(socket: TLSSocket): void {
    const client = new ClientSession(socket, this.#limits, this.#onRequest);
    this.#sessions.add(client);
    client.session.once('close', () => this.#sessions.delete(client));
    if (this.#draining) client.announceEnd();
  }

  /** Tells every client that its connection will end; what is on its way is still taken. */
  announceEnd(): void {
    this.#draining = true;
    for (const client of this.#sessions) client.announceEnd();
  }

  /** Takes no more requests; connections end with those that are under way. */
  close(): void {
    for (const { session } of this.#sessions) session.close();
  }

  destroy(): void {
    for (const client of this.#sessions) client.destroy();
  }
}

class ClientSession {
  readonly session: ServerHttp2Session;
  readonly #socket: TLSSocket;
  readonly #onRequest: OnRequest;
  readonly #responseIdleMs: number;
  readonly #maxHeaderBytes: number;
  #idle: NodeJS.Timeout;
  #openStreams = 0;
  /** Since the last turn, without an answer yet. */
  #asked = false;
  #badEnds = 0;
  #badEndsSinceMs = performance.now();

  constructor(socket: TLSSocket, limits: ProxyLimits, onRequest: OnRequest) {
    this.#socket = socket;
    this.#onRequest = onRequest;
    this.#responseIdleMs = limits.responseIdleMs;
    this.#maxHeaderBytes = limits.maxHeaderBytes;
    // A reset in the middle of a broken frame is told to nobody else, and would end the process.
    socket.on('error', ignore);
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: limits.maxHeaders + MORE_HEADERS,
      settings: {
        maxConcurrentStreams: limits.maxStreamsPerConnection,
        maxHeaderListSize: limits.maxHeaderBytes,
        initialWindowSize: STREAM_WINDOW_BYTES,
        enableConnectProtocol: false,
      },
    });
    this.session = session;
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', ignore);
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: unknown, _flags: number, raw: string[]) =>
        this.#begin(stream, raw),
    );
    this.#idle = this.#wait(limits.headersTimeoutMs);
    session.once('remoteSettings', () => {
      clearTimeout(this.#idle);
      this.#idle = this.#wait(IDLE_MS);
    });
    const pings = setInterval(() => this.#askIfThere(), PING_EVERY_MS);
    session.once('close', () => {
      clearInterval(pings);
      clearTimeout(this.#idle);
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
    });
  }

  destroy(): void {
    this.session.destroy();
    // Its own way of closing waits for what may never be written.
    setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  announceEnd(): void {
    const { session } = this;
    if (session.closed || session.destroyed) return;
    session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID);
  }

  #begin(stream: ServerHttp2Stream, raw: readonly string[]): void {
    stream.on('error', ignore);
    // Reset in the same piece of input: nothing of it is looked at.
    if (stream.destroyed || stream.closed) {
      this.#endedBadly();
      return;
    }
    this.#openStreams++;
    const request = new Http2Request(stream, this.#socket, raw, this.#maxHeaderBytes);
    const response = new Http2Response(stream, request, this.#responseIdleMs);
    stream.once('close', () => {
      request.streamClosed();
      this.#ended(stream.rstCode);
    });
    stream.once('aborted', () => {
      request.streamClosed();
      // One that was reset without an error, and has no response, would stay.
      setImmediate(() => stream.destroy());
    });
    stream.on('wantTrailers', () => response.sendTrailers());
    stream.on('timeout', () => {
      request.bodyIdle();
      response.idle();
    });
    if (!request.complete) {
      stream.on('data', (piece: Buffer) => request.bodyCame(piece));
      stream.on('end', () => request.bodyEnded());
      stream.on('trailers', (_trailers: unknown, _flags: number, trailers: string[]) => {
        request.rawTrailers = trailers;
      });
      // Nothing is read before somebody wants it.
      stream.pause();
    }
    this.#onRequest(request, response);
  }

  #ended(rstCode: number | undefined): void {
    this.#openStreams--;
    if (this.#openStreams === 0) this.#idle.refresh();
    if (rstCode !== constants.NGHTTP2_NO_ERROR) this.#endedBadly();
  }

  #endedBadly(): void {
    const nowMs = performance.now();
    const forgiven = ((nowMs - this.#badEndsSinceMs) / 1000) * BAD_ENDS_PER_SECOND;
    this.#badEnds = Math.max(0, this.#badEnds - forgiven) + 1;
    this.#badEndsSinceMs = nowMs;
    if (this.#badEnds > BAD_ENDS)
      this.session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #askIfThere(): void {
    if (this.#asked || this.session.destroyed) {
      this.destroy();
      return;
    }
    this.#asked = true;
    this.session.ping((error) => {
      if (error === null) this.#asked = false;
    });
  }

  /** Idle after its first requests, or without even its preface. */
  #idled(): void {
    if (this.#openStreams === 0) this.session.close();
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#idled(), ms);
  }
}

function ignore(): void {
  // The end of what failed is told by its `close`.
}
