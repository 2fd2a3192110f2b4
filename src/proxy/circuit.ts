import type { CircuitBreaker, CircuitState } from '../core/index.js';

/** How long a probe takes is not known; who waits for it asks again after a moment. */
const PROBE_WAIT_MS = 1000;

/**
 * Whether an upstream is sent requests. `closed`: all of them. After so many failures in a row `open`: none,
 * for a while. Then `half_open`: one, the probe, whose outcome closes or opens it again. Times are monotonic
 * milliseconds.
 */
export class Circuit {
  #failures = 0;
  /** Undefined while it is closed. */
  #openUntilMs: number | undefined;
  #probing = false;

  get isClosed(): boolean {
    return this.#openUntilMs === undefined;
  }

  state(nowMs: number): CircuitState {
    if (this.#openUntilMs === undefined) return 'closed';
    return this.#probing || nowMs >= this.#openUntilMs ? 'half_open' : 'open';
  }

  /**
   * Asks whether a request may be sent: `pass`, `probe` (its outcome must be reported, or `abandon` called), or
   * the milliseconds to wait.
   */
  admit(nowMs: number): 'pass' | 'probe' | number {
    if (this.#openUntilMs === undefined) return 'pass';
    const waitMs = this.#openUntilMs - nowMs;
    if (waitMs > 0) return waitMs;
    if (this.#probing) return PROBE_WAIT_MS;
    this.#probing = true;
    return 'probe';
  }

  /** A request found its upstream. One that was sent before the circuit opened says nothing about now. */
  succeed(isProbe: boolean): void {
    if (this.#openUntilMs !== undefined && !isProbe) return;
    this.#failures = 0;
    this.#openUntilMs = undefined;
    this.#probing = false;
  }

  /** Counts a failure; true when it opens the circuit that was closed. */
  fail(isProbe: boolean, nowMs: number, { failures, openMs }: CircuitBreaker): boolean {
    if (this.#openUntilMs !== undefined) {
      if (isProbe) {
        this.#probing = false;
        this.#openUntilMs = nowMs + openMs;
      }
      return false;
    }
    this.#failures++;
    if (this.#failures < failures) return false;
    this.#openUntilMs = nowMs + openMs;
    return true;
  }

  /** The probe came to no outcome: the next request is one. */
  abandon(): void {
    this.#probing = false;
  }
}
