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

test('a piece that is a small part of what was read at once does not keep the rest of it', () => {
  const read = Buffer.alloc(65_536, 'x');
  const kept = new KeptBytes(1000, new ByteBudget(1000));
  expect(kept.add(read.subarray(7, 8))).toBe(true);
  expect([kept.bytes.toString(), kept.bytes.buffer.byteLength]).toEqual(['x', 1]);
  const whole = Buffer.allocUnsafeSlow(600);
  const other = new KeptBytes(1000, new ByteBudget(1000));
  other.add(whole);
  expect(other.bytes.buffer).toBe(whole.buffer);
});
