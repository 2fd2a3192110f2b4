import { write } from 'node:fs';
import type { LineSink } from './gather-lines.js';

/** Where nobody reads the output, lines past this are dropped: requests are never held up by their log. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 50;
/** How long a reader that stalls may hold up the end of the process. */
const END_WITHIN_MS = 2000;

/**
 * Writes to a descriptor, one piece after another, off the event loop. A piece that cannot be written (full disk,
 * a reader that is gone) is lost and the next is tried: the log never ends the server.
 */
export class OutputWriter implements LineSink {
  readonly #fd: number;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing = false;
  #endByMs = Number.POSITIVE_INFINITY;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#writing) this.#writeFirst();
  }

  /** Nothing comes any more: what waits is still written, if the reader takes it soon. */
  close(): void {
    this.#endByMs = performance.now() + END_WITHIN_MS;
  }

  readonly #writeFirst = (): void => {
    const [first] = this.#waiting;
    this.#writing = first !== undefined;
    if (first !== undefined) write(this.#fd, first, this.#onWritten);
  };

  readonly #onWritten = (error: NodeJS.ErrnoException | null, written: number): void => {
    if (error?.code === 'EAGAIN' && performance.now() < this.#endByMs) {
      setTimeout(this.#writeFirst, RETRY_AFTER_MS);
      return;
    }
    const first = this.#waiting.shift();
    if (first !== undefined) {
      const rest = error === null ? first.subarray(written) : first.subarray(first.length);
      this.#waitingBytes -= first.length - rest.length;
      if (rest.length > 0) this.#waiting.unshift(rest);
    }
    this.#writeFirst();
  };
}
