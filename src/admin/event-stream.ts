import type { ServerResponse } from 'node:http';

/** Proxies and balancers end what is silent for a minute; a comment every 15 s keeps it (WHATWG HTML 9.2.7). */
const KEEP_ALIVE_MS = 15_000;
/** A reader that took nothing for so long is gone. */
const STALLED_MS = 60_000;
/** How soon a browser asks again when the stream was cut. */
const RETRY_MS = 1000;

export interface StreamEvent {
  /** Comes back as `Last-Event-ID` when the reader asks again. */
  readonly id: string;
  readonly data: string;
  /** Nothing follows it. */
  readonly isLast: boolean;
}

/**
 * Server-sent events of one thing, each of which replaces the one before: a reader that is slow gets the newest when
 * it has taken what it was sent, so that nothing piles up for it. Writes to the Node response itself: the adapter
 * would end a stream that fails as if it were whole.
 */
export class EventStream {
  readonly #outgoing: ServerResponse;
  readonly #nowMs: () => number;
  /** Ends when nothing more can be sent. */
  readonly closed: Promise<void>;
  #offered = '';
  #waiting: StreamEvent | undefined;
  #writtenAtMs: number;

  /** The head must not have been sent; `headers` are added to it. `nowMs` is a clock that never steps. */
  constructor(
    outgoing: ServerResponse,
    headers: Readonly<Record<string, string>>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#outgoing = outgoing;
    this.#nowMs = nowMs;
    this.#writtenAtMs = nowMs();
    this.closed = new Promise((resolve) => outgoing.once('close', resolve));
    outgoing.on('drain', () => this.#flush());
    outgoing.writeHead(200, {
      ...headers,
      'Content-Type': 'text/event-stream',
      // What comes after it on the connection would wait for its end.
      Connection: 'close',
      'X-Accel-Buffering': 'no',
    });
    outgoing.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** Sends an event that differs from the one before, now or when the reader is ready for it. */
  offer(event: StreamEvent): void {
    if (event.data === this.#offered) return;
    this.#offered = event.data;
    this.#waiting = event;
    this.#flush();
  }

  /** To be called about once a second: keeps the connection alive, and cuts off a reader that takes nothing. */
  tick(): void {
    const silentMs = this.#nowMs() - this.#writtenAtMs;
    if (this.#outgoing.writableNeedDrain) {
      if (silentMs > STALLED_MS) this.cut();
    } else if (silentMs >= KEEP_ALIVE_MS) {
      this.#write(': keep-alive\n\n');
    }
  }

  /** Ends it properly, after what was sent. */
  end(): void {
    this.#outgoing.end();
  }

  /** Ends it at once: the reader sees that it is not whole. */
  cut(): void {
    this.#outgoing.destroy();
  }

  #flush(): void {
    const event = this.#waiting;
    if (event === undefined || this.#outgoing.writableNeedDrain || this.#outgoing.writableEnded) {
      return;
    }
    this.#waiting = undefined;
    this.#write(`id: ${event.id}\ndata: ${event.data}\n\n`);
    if (event.isLast) this.end();
  }

  #write(text: string): void {
    this.#writtenAtMs = this.#nowMs();
    this.#outgoing.write(text);
  }
}
