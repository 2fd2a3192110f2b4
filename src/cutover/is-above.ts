import { binomialTail } from './binomial-tail.js';
import { fisherTail, type Share } from './fisher-tail.js';

/**
 * Whether `x` of `n` say that an attempt is refused with a probability above `limit`. However often it is asked while
 * attempts come in, it says so wrongly with a probability of at most `alpha` altogether: the k-th refusal may
 * spend alpha / (k (k + 1)), which adds up to `alpha`, and asking again without a further refusal only makes it
 * less likely. A limit of 1 is never exceeded; a limit of 0 by one refusal.
 */
export function isAbove({ x, n }: Share, limit: number, alpha: number): boolean {
  return x > 0 && binomialTail(x, n, limit) <= spent(alpha, x);
}

/** Likewise whether attempts of `one` come out badly more often than those of `other`. */
export function isWorse(one: Share, other: Share, alpha: number): boolean {
  return one.x > 0 && fisherTail(one, other) <= spent(alpha, one.x + other.x);
}

function spent(alpha: number, arrival: number): number {
  return alpha / (arrival * (arrival + 1));
}
