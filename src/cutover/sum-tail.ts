/** A term this much smaller than the sum no longer changes it. */
const NEGLIGIBLE = 1e-17;

/** A distribution over whole numbers whose terms rise to one peak and then fall. */
export interface PeakedDistribution {
  readonly lowest: number;
  readonly highest: number;
  readonly mean: number;
  /** ln P(X = k) */
  logTerm(k: number): number;
  /** P(X = k + 1) / P(X = k) */
  ratio(k: number): number;
}

/**
 * P(X ≥ x), summed from the larger of its terms to the smaller, on that side of `x` which does not hold the peak: so
 * nothing is lost to rounding, and the sum ends soon.
 */
export function upperTail(x: number, distribution: PeakedDistribution): number {
  const { lowest, highest, mean } = distribution;
  if (x <= lowest) return 1;
  if (x > highest) return 0;
  return x > mean
    ? sumUpwards(x, distribution)
    : Math.max(0, 1 - sumDownwards(x - 1, distribution));
}

function sumUpwards(from: number, { highest, logTerm, ratio }: PeakedDistribution): number {
  let term = Math.exp(logTerm(from));
  let sum = term;
  for (let k = from; k < highest && term > sum * NEGLIGIBLE; k++) {
    term *= ratio(k);
    sum += term;
  }
  return Math.min(1, sum);
}

function sumDownwards(from: number, { lowest, logTerm, ratio }: PeakedDistribution): number {
  let term = Math.exp(logTerm(from));
  let sum = term;
  for (let k = from - 1; k >= lowest && term > sum * NEGLIGIBLE; k--) {
    term /= ratio(k);
    sum += term;
  }
  return sum;
}
