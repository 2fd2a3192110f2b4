import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binomialTail } from '../../src/cutover/binomial-tail.js';
import { fisherTail } from '../../src/cutover/fisher-tail.js';
import { isAbove, isWorse } from '../../src/cutover/is-above.js';
import { logChoose } from '../../src/cutover/log-choose.js';
import { seededRandom } from '../support/seeded-random.js';

const SEED = 4;
const check = { seed: SEED, numRuns: 300 };

/** Row `n` of Pascal's triangle, exact. */
function pascal(n: number): bigint[] {
  let row = [1n];
  for (let i = 0; i < n; i++) {
    row = [1n, ...row.slice(1).map((entry, k) => entry + (row[k] ?? 0n)), 1n];
  }
  return row;
}

/** A quotient of large whole numbers as a double. */
function quotient(a: bigint, b: bigint): number {
  const digits = 10n ** 40n;
  return Number((a * digits) / b) / 1e40;
}

/** P(X ≥ x) for p = hundredths / 100, in whole numbers. */
function exactBinomialTail(x: number, n: number, hundredths: number): number {
  const row = pascal(n);
  const [p, q] = [BigInt(hundredths), BigInt(100 - hundredths)];
  let sum = 0n;
  for (let k = Math.max(0, x); k <= n; k++) {
    sum += (row[k] ?? 0n) * p ** BigInt(k) * q ** BigInt(n - k);
  }
  return quotient(sum, 100n ** BigInt(n));
}

function exactFisherTail(x1: number, n1: number, x2: number, n2: number): number {
  const [one, other] = [pascal(n1), pascal(n2)];
  const bad = x1 + x2;
  let sum = 0n;
  for (let k = x1; k <= Math.min(bad, n1); k++) sum += (one[k] ?? 0n) * (other[bad - k] ?? 0n);
  return quotient(sum, pascal(n1 + n2)[bad] ?? 1n);
}

function expectNear(found: number, exact: number): void {
  if (exact < 1e-30) expect(found).toBeLessThan(1e-29);
  else expect(Math.abs(found / exact - 1)).toBeLessThan(1e-9);
}

test('the ways to choose are those of the triangle, also beyond where factorials are summed', () => {
  for (const n of [0, 1, 5, 31, 32, 33, 64, 200]) {
    for (const [k, ways] of pascal(n).entries()) {
      expectNear(logChoose(n, k), Math.log(Number(ways)));
    }
  }
});

describe('the tail of the binomial distribution', () => {
  test('is that of whole numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 120 }),
        fc.integer({ min: -1, max: 121 }),
        fc.integer({ min: 0, max: 100 }),
        (n, x, hundredths) => {
          expectNear(binomialTail(x, n, hundredths / 100), exactBinomialTail(x, n, hundredths));
        },
      ),
      check,
    );
  });

  test('holds for very many attempts', () => {
    // The mean is 10^6, the deviation 995: the tail beyond three of them by the normal curve is 0.00135.
    expect(binomialTail(1_000_000 + 2985, 1e8, 0.01)).toBeCloseTo(0.00135, 4);
    expect(binomialTail(1_000_000, 1e8, 0.01)).toBeCloseTo(0.5, 2);
    expect(binomialTail(1, 1e9, 0.01)).toBe(1);
    expect(binomialTail(1e9, 1e9, 0.01)).toBe(0);
  });

  test('falls with every further refusal, and rises with every further attempt', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.0001, max: 0.9999, noNaN: true }),
        (n, place, p) => {
          const x = Math.round(place * n);
          const tail = binomialTail(x, n, p);
          const slack = 1 + 1e-9;
          expect(binomialTail(x + 1, n, p)).toBeLessThanOrEqual(tail * slack);
          expect(binomialTail(x, n + 1, p) * slack).toBeGreaterThanOrEqual(tail);
        },
      ),
      check,
    );
  });
});

test("the tail of Fisher's test is that of whole numbers", () => {
  const share = fc
    .integer({ min: 0, max: 60 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(share, share, ([x1, n1], [x2, n2]) => {
      expectNear(fisherTail({ x: x1, n: n1 }, { x: x2, n: n2 }), exactFisherTail(x1, n1, x2, n2));
    }),
    check,
  );
  expect(fisherTail({ x: 100, n: 1e6 }, { x: 900, n: 9e6 })).toBeCloseTo(0.51, 1);
});

describe('whether refusals are above a limit', () => {
  test('one is never enough at the default limit, two early ones are, two late ones are not', () => {
    for (const n of [1, 2, 10]) expect(isAbove({ x: 1, n }, 0.01, 0.01)).toBe(false);
    expect(isAbove({ x: 2, n: 2 }, 0.01, 0.01)).toBe(true);
    expect(isAbove({ x: 2, n: 5 }, 0.01, 0.01)).toBe(true);
    expect(isAbove({ x: 2, n: 50 }, 0.01, 0.01)).toBe(false);
    expect(isAbove({ x: 0, n: 0 }, 0.01, 0.01)).toBe(false);
  });

  test('a limit of 0 is exceeded by one, a limit of 1 by none', () => {
    expect(isAbove({ x: 1, n: 1_000_000 }, 0, 0.01)).toBe(true);
    expect(isAbove({ x: 0, n: 1_000_000 }, 0, 0.01)).toBe(false);
    expect(isAbove({ x: 1_000_000, n: 1_000_000 }, 1, 0.01)).toBe(false);
  });

  /** The share of runs in which it is found at any of the looks, one after each attempt. */
  function foundIn(
    runs: number,
    attempts: number,
    p: number,
    limit: number,
    alpha: number,
  ): number {
    const random = seededRandom(SEED);
    let found = 0;
    for (let run = 0; run < runs; run++) {
      let x = 0;
      for (let n = 1; n <= attempts; n++) {
        if (random() >= p) continue;
        x++;
        // Looking again without a further refusal finds nothing new.
        if (isAbove({ x, n }, limit, alpha)) {
          found++;
          break;
        }
      }
    }
    return found / runs;
  }

  test.each([0.01, 0.05, 0.3])(
    'is found by mistake in at most alpha of the runs, looking after each attempt (limit %d)',
    (limit) => {
      const alpha = 0.1;
      const runs = 3000;
      expect(foundIn(runs, 1000, limit, limit, alpha)).toBeLessThanOrEqual(alpha);
    },
  );

  test('is found soon where it is so', () => {
    expect(foundIn(500, 10, 1, 0.01, 0.01)).toBe(1);
    expect(foundIn(500, 60, 0.3, 0.01, 0.01)).toBeGreaterThan(0.99);
    expect(foundIn(500, 1500, 0.03, 0.01, 0.01)).toBeGreaterThan(0.95);
  });
});

test('one side is found worse than its equal in at most alpha of the runs, looking after each attempt', () => {
  const random = seededRandom(SEED);
  const runs = 2000;
  let found = 0;
  for (let run = 0; run < runs; run++) {
    const one = { x: 0, n: 0 };
    const other = { x: 0, n: 0 };
    for (let attempt = 0; attempt < 300; attempt++) {
      const side = random() < 0.1 ? one : other;
      side.n++;
      if (random() < 0.2) side.x++;
      if (isWorse(one, other, 0.1)) {
        found++;
        break;
      }
    }
  }
  expect(found / runs).toBeLessThanOrEqual(0.1);
  expect(isWorse({ x: 5, n: 5 }, { x: 5, n: 100 }, 0.01)).toBe(true);
});
