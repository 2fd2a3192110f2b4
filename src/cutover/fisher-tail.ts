import { logChoose } from './log-choose.js';
import { upperTail } from './sum-tail.js';

/** Of `n` attempts, `x` came out badly. */
export interface Share {
  readonly x: number;
  readonly n: number;
}

/**
 * Fisher's exact test, one-sided: how likely at least as many of the bad attempts fall on `one` as did, when they
 * fall on all attempts alike.
 */
export function fisherTail(one: Share, other: Share): number {
  const bad = one.x + other.x;
  const all = one.n + other.n;
  if (all === 0) return 1;
  const logAll = logChoose(all, bad);
  return upperTail(one.x, {
    lowest: Math.max(0, bad - other.n),
    highest: Math.min(bad, one.n),
    mean: (bad * one.n) / all,
    logTerm: (k) => logChoose(one.n, k) + logChoose(other.n, bad - k) - logAll,
    ratio: (k) => (((one.n - k) / (k + 1)) * (bad - k)) / (other.n - bad + k + 1),
  });
}
