import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget, KeptBytes } from '../../src/proxy/kept-bytes.js';

test('pieces are kept as one up to the limit and the budget, and given back whole', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, fc.nat(400), fc.nat(400), (drawn, maxBytes, budgetBytes) => {
      const budget = new ByteBudget(budgetBytes);
      const kept = new KeptBytes(maxBytes, budget);
      let expected = Buffer.alloc(0);
      for (const piece of drawn) {
        const longer = Buffer.concat([expected, piece]);
        const fits = longer.length <= Math.min(maxBytes, budgetBytes);
        expect(kept.add(Buffer.from(piece))).toBe(fits);
        if (fits) expected = longer;
        expect(kept.bytes.equals(expected)).toBe(true);
        expect(budget.leftBytes).toBe(budgetBytes - expected.length);
      }
      kept.release();
      expect(kept.bytes.length).toBe(0);
      expect(budget.leftBytes).toBe(budgetBytes);
    }),
    { seed: 4, numRuns: 500 },
  );
});

test('a body of a million pieces takes no more than its bytes, twice', () => {
  const kept = new KeptBytes(2_000_000, new ByteBudget(2_000_000));
  for (let i = 0; i < 1_000_000; i++) kept.add(Buffer.from([i & 0xff]));
  const { buffer } = kept.bytes;
  expect(kept.bytes.length).toBe(1_000_000);
  expect(buffer.byteLength).toBeLessThanOrEqual(2_000_000);
});
