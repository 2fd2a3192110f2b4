/**
 * Lets requests pass at a rate on average, and a burst of them at once. Times are monotonic milliseconds; one
 * that lies before an earlier one counts as the same moment.
 */
export class TokenBucket {
  readonly capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #filledAtMs: number;

  /** Full at first; `before` hands on what is left of a bucket whose limits have changed. */
  constructor(perSecond: number, capacity: number, nowMs: number, before?: TokenBucket) {
    this.capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#tokens = before === undefined ? capacity : Math.min(capacity, before.remaining(nowMs));
    this.#filledAtMs = nowMs;
  }

  /** How many may pass now. */
  remaining(nowMs: number): number {
    const passedMs = nowMs - this.#filledAtMs;
    if (passedMs > 0) {
      this.#tokens = Math.min(this.capacity, this.#tokens + passedMs * this.#perMs);
      this.#filledAtMs = nowMs;
    }
    return Math.floor(this.#tokens + ROUNDING);
  }

  /** Takes one; to be called when `remaining` is at least 1. */
  take(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** Seconds until one more may pass than may now, as of the last `remaining`; 0 when it is full. */
  get moreInSeconds(): number {
    if (this.#tokens >= this.capacity) return 0;
    const missing = Math.floor(this.#tokens + ROUNDING) + 1 - this.#tokens;
    return Math.max(1, Math.ceil(missing / this.#perMs / 1000 - ROUNDING));
  }

  /** Seconds in which an empty one is full again: the window of its capacity. */
  get windowSeconds(): number {
    return Math.max(1, Math.ceil(this.capacity / this.#perMs / 1000 - ROUNDING));
  }
}

/** Sums of fractions that should be whole are a little below. */
const ROUNDING = 1e-9;
