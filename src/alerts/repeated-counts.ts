import { CountWindow } from './count-window.js';

export interface Repeated {
  readonly key: string;
  /** Within the window. */
  readonly sum: number;
  /** Since it was last asked for; all of the window the first time. */
  readonly fresh: number;
}

/** Counts by key within a window, in bounded memory, and what of that is new. */
export class RepeatedCounts {
  readonly #window: CountWindow;
  readonly #mostKeys: number;
  #fresh = new Map<string, number>();
  #taken: ReadonlySet<string> = new Set();

  constructor(windowMs: number, mostKeys: number) {
    this.#window = new CountWindow(windowMs, mostKeys);
    this.#mostKeys = mostKeys;
  }

  add(key: string, count: number, nowMs: number): void {
    this.#window.add(key, count, nowMs);
    const known = this.#fresh.get(key);
    if (known !== undefined || this.#fresh.size < this.#mostKeys) {
      this.#fresh.set(key, (known ?? 0) + count);
    }
  }

  sums(nowMs: number): Map<string, number> {
    return this.#window.sums(nowMs);
  }

  /** The keys that `isRepeated` holds for. */
  take(nowMs: number, isRepeated: (sum: number, key: string) => boolean): Repeated[] {
    const fresh = this.#fresh;
    const before = this.#taken;
    const found = [...this.sums(nowMs)]
      .filter(([key, sum]) => isRepeated(sum, key))
      .map(([key, sum]) => ({ key, sum, fresh: before.has(key) ? (fresh.get(key) ?? 0) : sum }));
    this.#fresh = new Map();
    this.#taken = new Set(found.map(({ key }) => key));
    return found;
  }
}
