/** Memory that many may take of, and none beyond. */
export class ByteBudget {
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  get leftBytes(): number {
    return this.#leftBytes;
  }

  /** False when there is not so much left; nothing is taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

/**
 * The pieces of a message as one, within a limit. A single piece is kept as it is, if it has what was read with it to
 * itself; several are copied together, because many small ones would take far more memory than they have bytes.
 */
export class KeptBytes {
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  #buffer: Buffer | undefined;
  #length = 0;
  #isOwn = false;

  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  get bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#length) ?? NOTHING;
  }

  /** False when it would be too much: the piece is not kept. */
  add(piece: Buffer): boolean {
    const length = this.#length + piece.length;
    if (length > this.#maxBytes || !this.#budget.take(piece.length)) return false;
    if (this.#buffer === undefined) {
      this.#buffer = withoutSlab(piece);
    } else {
      this.#grow(length);
      piece.copy(this.#buffer, this.#length);
    }
    this.#length = length;
    return true;
  }

  release(): void {
    this.#budget.give(this.#length);
    this.#buffer = undefined;
    this.#length = 0;
    this.#isOwn = false;
  }

  #grow(length: number): void {
    const old = this.#buffer;
    if (old === undefined || (this.#isOwn && old.length >= length)) return;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, length * 2));
    old.copy(this.#buffer, 0, 0, this.#length);
    this.#isOwn = true;
  }
}

/** A piece may be a byte of what a connection read at once for many streams: that must not be kept along with it. */
function withoutSlab(piece: Buffer): Buffer {
  if (piece.buffer.byteLength <= piece.length * 2) return piece;
  const own = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(own);
  return own;
}

const NOTHING = Buffer.alloc(0);
