const SLICES = 10;

/**
 * Counts by key within a window that slides in tenths, in bounded memory whatever the keys are. When a slice is full
 * every key of it loses one (Misra and Gries, 1982): what comes often stays, what comes once makes room. Counts are
 * never too high; a key is missed only where its share of a slice is below one in `mostKeys`.
 */
export class CountWindow {
  readonly #sliceMs: number;
  readonly #mostKeys: number;
  readonly #slices = Array.from({ length: SLICES }, () => ({
    number: -1,
    counts: new Map<string, number>(),
  }));

  constructor(windowMs: number, mostKeys: number) {
    this.#sliceMs = windowMs / SLICES;
    this.#mostKeys = mostKeys;
  }

  add(key: string, count: number, nowMs: number): void {
    const number = Math.floor(nowMs / this.#sliceMs);
    const slice = this.#slices[number % SLICES];
    if (slice === undefined) return;
    if (slice.number !== number) {
      slice.number = number;
      slice.counts.clear();
    }
    const { counts } = slice;
    const known = counts.get(key);
    if (known !== undefined || counts.size < this.#mostKeys) {
      counts.set(key, (known ?? 0) + count);
      return;
    }
    for (const [other, sum] of counts) {
      if (sum <= 1) counts.delete(other);
      else counts.set(other, sum - 1);
    }
  }

  /** Sums within the window that ends now. */
  sums(nowMs: number): Map<string, number> {
    const newest = Math.floor(nowMs / this.#sliceMs);
    const sums = new Map<string, number>();
    for (const { number, counts } of this.#slices) {
      if (number > newest || number <= newest - SLICES) continue;
      for (const [key, count] of counts) sums.set(key, (sums.get(key) ?? 0) + count);
    }
    return sums;
  }
}
