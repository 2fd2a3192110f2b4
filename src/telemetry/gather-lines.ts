/** Where gathered lines go. Takes ownership of the bytes; must not block. */
export interface LineSink {
  write(bytes: Uint8Array): unknown;
}

/** Gathered before a write: one system call, and one hop through the thread pool, then serve hundreds of lines. */
const GATHERED_BYTES = 64 * 1024;
/** UTF-8 takes at most three bytes for one UTF-16 unit. */
const BYTES_PER_UNIT = 3;

/**
 * Gathers whole lines as bytes. Each is encoded once, when it comes, into memory that is there already; a string
 * that grows to the same size would be flattened, measured and encoded anew at the end, which costs more than the
 * lines themselves.
 */
export class LineGatherer {
  readonly #sink: LineSink;
  readonly #bytes = Buffer.allocUnsafeSlow(GATHERED_BYTES);
  #length = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  write(line: string): void {
    const atMost = line.length * BYTES_PER_UNIT;
    if (atMost > GATHERED_BYTES - this.#length) this.flush();
    if (atMost > GATHERED_BYTES) this.#sink.write(Buffer.from(line));
    else this.#length += this.#bytes.write(line, this.#length);
  }

  /** A line in two parts: `head` is ASCII, `tail` is encoded already and ends the line. */
  writeParts(head: string, tail: Uint8Array): void {
    const length = head.length + tail.length;
    if (length > GATHERED_BYTES - this.#length) this.flush();
    if (length > GATHERED_BYTES) {
      this.#sink.write(Buffer.concat([Buffer.from(head, 'latin1'), tail]));
      return;
    }
    this.#bytes.write(head, this.#length, 'latin1');
    this.#bytes.set(tail, this.#length + head.length);
    this.#length += length;
  }

  /** Hands on what has gathered. */
  flush(): void {
    if (this.#length === 0) return;
    this.#sink.write(Buffer.from(this.#bytes.subarray(0, this.#length)));
    this.#length = 0;
  }
}
