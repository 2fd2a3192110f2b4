import { type ClientHttp2Session, connect } from 'node:http2';
import type { LookupFunction, Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { AppError, type Upstream } from '../core/index.js';
import { connectHttp2 } from './connect-http2.js';
import { Http2Call, type Http2CallOptions } from './http2-call.js';

/** As long as most load balancers keep an idle connection (AWS ALB: 60 s), less a margin. */
const IDLE_MS = 55_000;
/** Until the upstream has said how many it takes. RFC 9113 section 6.5.2 asks for no fewer. */
const FIRST_STREAMS = 100;
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * Sends requests to one upstream over HTTP/2, many on one connection. Takes what undici's `dispatch` takes. A
 * request is sent at most once: also one that the upstream refused unprocessed is answered with an error.
 */
export class Http2Upstream {
  readonly #upstream: Upstream;
  readonly #lookup: LookupFunction | undefined;
  readonly #links = new Set<Link>();

  constructor(upstream: Upstream, lookup: LookupFunction | undefined) {
    this.#upstream = upstream;
    this.#lookup = lookup;
  }

  dispatch(
    options: Http2CallOptions & { readonly upgrade?: string | null },
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (typeof options.upgrade === 'string') {
      const detail = 'The route speaks HTTP/2 to its upstream, which has no WebSocket for it.';
      throw new AppError('request_rejected', detail);
    }
    this.#send(new Http2Call(options, handler, this.#upstream.timeouts));
    return true;
  }

  /** Resolves when the requests under way are done; the connections then end. */
  async close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.close()));
  }

  async destroy(): Promise<void> {
    for (const link of [...this.#links]) link.destroy();
  }

  #send(call: Http2Call): void {
    for (const link of this.#links) {
      if (link.take(call)) return;
    }
    const link: Link = new Link(this.#upstream, this.#lookup, {
      gone: () => this.#links.delete(link),
      givenBack: (one) => this.#send(one),
    });
    this.#links.add(link);
    link.take(call);
  }
}

interface LinkOwner {
  gone(): void;
  /** The upstream takes fewer at once than were waiting for it. */
  givenBack(call: Http2Call): void;
}

/** One connection. Nothing is sent on it before the upstream has said its settings: so it speaks HTTP/2. */
class Link {
  readonly #owner: LinkOwner;
  readonly #socket: Socket | undefined;
  readonly #timer: NodeJS.Timeout;
  #session: ClientHttp2Session | undefined;
  #waiting: Http2Call[] = [];
  #underWay = 0;
  #room = FIRST_STREAMS;
  #retired = false;
  #ready = false;
  #onGone: (() => void) | undefined;

  constructor(upstream: Upstream, lookup: LookupFunction | undefined, owner: LinkOwner) {
    this.#owner = owner;
    this.#timer = setTimeout(() => {
      this.#fail(Object.assign(new Error('timeout'), { code: 'UND_ERR_CONNECT_TIMEOUT' }));
    }, upstream.timeouts.connectMs);
    this.#socket = connectHttp2(upstream, lookup, (error) => {
      if (error === undefined) this.#open(upstream.origin);
      // Not at once: the call that it was opened for is not waiting yet.
      else setImmediate(() => this.#fail(error));
    });
  }

  /** False when it has no room, or takes no more. */
  take(call: Http2Call): boolean {
    if (this.#retired || this.#underWay + this.#waiting.length >= this.#room) return false;
    if (this.#ready) this.#start(call);
    else this.#waiting.push(call);
    return true;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onGone = resolve;
      this.#retire();
    });
  }

  destroy(): void {
    this.#fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
  }

  #open(origin: string): void {
    const socket = this.#socket;
    if (socket === undefined || this.#retired) return;
    const session = connect(origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    this.#session = session;
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', (error) => this.#fail(error));
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      // One that takes none at all is waited for like one that is slow.
      this.#room = Math.max(1, maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
      if (!this.#ready) this.#begin();
    });
    session.on('goaway', () => this.#retire());
    session.on('close', () =>
      this.#fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })),
    );
    session.setTimeout(IDLE_MS, () => {
      if (this.#underWay === 0) this.#retire();
    });
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#ready = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) {
      if (this.#retired || this.#underWay >= this.#room) this.#owner.givenBack(call);
      else this.#start(call);
    }
  }

  #start(call: Http2Call): void {
    this.#underWay++;
    call.start(this.#session as ClientHttp2Session, (timedOut) => {
      this.#underWay--;
      // The path to it may be dead: the next request shall find out on a connection of its own.
      if (timedOut || (this.#retired && this.#underWay === 0)) this.#retire();
    });
  }

  /** Takes no more requests, and ends with those that it has. */
  #retire(): void {
    this.#retired = true;
    if (this.#ready) this.#session?.close();
    if (this.#underWay + this.#waiting.length === 0) this.#gone();
  }

  #fail(error: Error): void {
    this.#retired = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call.fail(error);
    this.#session?.destroy();
    this.#gone();
  }

  #gone(): void {
    clearTimeout(this.#timer);
    if (this.#session === undefined) this.#socket?.destroy();
    this.#owner.gone();
    this.#onGone?.();
  }
}
