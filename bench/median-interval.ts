export interface MedianInterval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Median with its distribution-free interval of at least 95 %: the order statistics whose binomial tail is at
 * most 2.5 % on each side (Conover, Practical Nonparametric Statistics, section 3.2).
 */
export function medianInterval(values: readonly number[]): MedianInterval {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const at = (index: number): number =>
    sorted[Math.max(0, Math.min(count - 1, index))] ?? Number.NaN;
  let tail = 0;
  let rank = 0;
  let probability = 0.5 ** count;
  while (tail + probability <= 0.025) {
    tail += probability;
    rank++;
    probability = (probability * (count - rank + 1)) / rank;
  }
  const middle = (count - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median, low: at(rank - 1), high: at(count - rank) };
}
