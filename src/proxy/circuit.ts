import type { CircuitBreaker, CircuitState } from '../core/index.js';

/** How long a probe takes is not known; who waits for it asks again after a moment. */
const PROBE_WAIT_MS = 1000;

/**
 * Whether an upstream is sent requests. `closed`: all of them. After so many failures in a row `open`: none,
 * for a while. Then `half_open`: one, the probe, whose outcome closes or opens it again. Times are monotonic
 * milliseconds.
 *
 * A client can make its own requests fail (by what it asks for) or take for ever (by how it sends them). So a row
 * of failures of one client alone opens the circuit for that client alone, and a probe that has come to no outcome
 * after `openMs` is not waited for: another client may send the next.
 */
export class Circuit {
  #failures = 0;
  /** Whose failures all of the row are; undefined = of several, or of no client's making. */
  #onlyClient: string | undefined;
  /** Undefined while it is closed. */
  #openUntilMs: number | undefined;
  #openMs = 0;
  /** Whose probes are under way. */
  readonly #probers = new Set<string>();
  #nextProbeMs = 0;

  get isClosed(): boolean {
    return this.#openUntilMs === undefined;
  }

  state(nowMs: number): CircuitState {
    if (this.#openUntilMs === undefined) return 'closed';
    return this.#probers.size > 0 || nowMs >= this.#openUntilMs ? 'half_open' : 'open';
  }

  /**
   * Asks whether a client's request may be sent: `pass`, `probe` (its outcome must be reported, or `abandon`
   * called), or the milliseconds to wait.
   */
  admit(nowMs: number, client: string): 'pass' | 'probe' | number {
    if (this.#openUntilMs === undefined || this.#spares(client)) return 'pass';
    const waitMs = this.#openUntilMs - nowMs;
    if (waitMs > 0) return waitMs;
    const waits = this.#probers.size > 0 && nowMs < this.#nextProbeMs;
    if (waits || this.#probers.has(client)) return PROBE_WAIT_MS;
    this.#probers.add(client);
    this.#nextProbeMs = nowMs + this.#openMs;
    return 'probe';
  }

  /** A request found its upstream. One that was sent before the circuit opened says nothing about now. */
  succeed(isProbe: boolean, client: string): void {
    if (this.#openUntilMs !== undefined && !isProbe) {
      if (this.#spares(client)) this.#failures = 0;
      return;
    }
    this.#failures = 0;
    this.#openUntilMs = undefined;
    this.#probers.clear();
  }

  /**
   * Counts a failure; true when it opens the circuit that was closed, or closed to its client. `cause` is the
   * client that may have brought it about; undefined = none can have.
   */
  fail(
    isProbe: boolean,
    nowMs: number,
    { failures, openMs }: CircuitBreaker,
    client: string,
    cause: string | undefined,
  ): boolean {
    const isOpen = this.#openUntilMs !== undefined;
    if (isOpen && isProbe) {
      this.#probers.delete(client);
      this.#openUntilMs = nowMs + openMs;
      return false;
    }
    if (isOpen && !this.#spares(client)) return false;
    // While it is open for one client, the row is that of all others.
    if (!isOpen) {
      this.#onlyClient = this.#failures === 0 || this.#onlyClient === cause ? cause : undefined;
    }
    this.#failures++;
    if (this.#failures < failures) return false;
    if (isOpen) this.#onlyClient = undefined;
    this.#failures = 0;
    this.#openMs = openMs;
    this.#openUntilMs = nowMs + openMs;
    return true;
  }

  /** The probe came to no outcome: the next request is one. */
  abandon(client: string): void {
    this.#probers.delete(client);
  }

  #spares(client: string): boolean {
    return this.#onlyClient !== undefined && this.#onlyClient !== client;
  }
}
