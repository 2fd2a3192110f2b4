/** How often the event loop is looked at. */
const TICK_MS = 50;
/** One long turn is a pause of garbage collection or of the machine; only what goes on is overload. */
const LASTING_MS = 2000;

/**
 * Notices that the process cannot keep up: turns of the event loop that are late again and again. It then takes
 * from each turn what fits into the delay allowed, and the rest is turned away, so that those taken are answered
 * in time. Times are monotonic milliseconds.
 */
export class LoadShedder {
  readonly #maxDelayMs: number;
  #lastTickMs: number;
  /** Since when every look came late; undefined = the last one was in time. */
  #lateSinceMs: number | undefined;
  #shedding = false;
  #timer: NodeJS.Timeout | undefined;

  /** 0 = never shed. */
  constructor(maxDelayMs: number, nowMs: number) {
    this.#maxDelayMs = maxDelayMs;
    this.#lastTickMs = nowMs;
  }

  get shedding(): boolean {
    return this.#shedding;
  }

  start(): void {
    if (this.#maxDelayMs === 0) return;
    this.#lastTickMs = performance.now();
    this.#timer = setInterval(() => this.look(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#shedding = false;
  }

  /** Whether a request that came now is too many. */
  refuses(nowMs: number): boolean {
    return this.#shedding && this.#delayAt(nowMs) > this.#maxDelayMs;
  }

  /** To be called every 50 ms, as far as the event loop allows. */
  look(nowMs: number): void {
    if (this.#delayAt(nowMs) > this.#maxDelayMs) {
      this.#lateSinceMs ??= this.#lastTickMs;
      this.#shedding = nowMs - this.#lateSinceMs >= LASTING_MS;
    } else {
      this.#lateSinceMs = undefined;
      this.#shedding = false;
    }
    this.#lastTickMs = nowMs;
  }

  #delayAt(nowMs: number): number {
    return nowMs - this.#lastTickMs - TICK_MS;
  }
}
