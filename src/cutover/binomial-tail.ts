import { logChoose } from './log-choose.js';
import { upperTail } from './sum-tail.js';

/**
 * How likely at least `x` of `n` attempts are refused when each is refused with probability `p`, whatever came of
 * those before it. Exact, also for small `n`; `n` whole, 0 ≤ `p` ≤ 1.
 */
export function binomialTail(x: number, n: number, p: number): number {
  if (x <= 0) return 1;
  if (x > n || p <= 0) return 0;
  if (p >= 1) return 1;
  const logP = Math.log(p);
  const logQ = Math.log1p(-p);
  const odds = p / (1 - p);
  return upperTail(x, {
    lowest: 0,
    highest: n,
    mean: n * p,
    logTerm: (k) => logChoose(n, k) + k * logP + (n - k) * logQ,
    ratio: (k) => ((n - k) / (k + 1)) * odds,
  });
}
