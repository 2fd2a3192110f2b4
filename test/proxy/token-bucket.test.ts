import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/proxy/token-bucket.js';

const SEED = 3_0031;

const buckets = fc.record({
  perSecond: fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.double({ min: 0.001, max: 10, noNaN: true }),
  ),
  capacity: fc.integer({ min: 1, max: 50 }),
});
/** Milliseconds between two requests; some come from a clock that went back. */
const pauses = fc.array(fc.double({ min: -50, max: 3000, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

test('in no stretch of time do more pass than a burst and what the rate allows', () => {
  const property = fc.property(buckets, pauses, ({ perSecond, capacity }, steps) => {
    const bucket = new TokenBucket(perSecond, capacity, 0);
    const passedAtMs: number[] = [];
    let nowMs = 0;
    let latestMs = 0;
    for (const step of steps) {
      nowMs += step;
      latestMs = Math.max(latestMs, nowMs);
      const remaining = bucket.remaining(nowMs);
      expect(remaining).toBeGreaterThanOrEqual(0);
      expect(remaining).toBeLessThanOrEqual(capacity);
      if (remaining < 1) continue;
      bucket.take();
      passedAtMs.push(latestMs);
    }
    passedAtMs.forEach((fromMs, first) => {
      passedAtMs.slice(first).forEach((toMs, index) => {
        const allowed = capacity + ((toMs - fromMs) * perSecond) / 1000;
        expect(index + 1).toBeLessThanOrEqual(allowed + 1e-6);
      });
    });
  });
  fc.assert(property, { seed: SEED, numRuns: 200 });
});

test('who waits as long as it says may pass, and an idle one is full after its window', () => {
  const property = fc.property(buckets, pauses, ({ perSecond, capacity }, steps) => {
    const bucket = new TokenBucket(perSecond, capacity, 0);
    let nowMs = 0;
    for (const step of steps) {
      nowMs += Math.abs(step);
      const remaining = bucket.remaining(nowMs);
      if (remaining < capacity) {
        expect(bucket.moreInSeconds).toBeGreaterThanOrEqual(1);
        const later = nowMs + bucket.moreInSeconds * 1000;
        nowMs = later;
        expect(bucket.remaining(later)).toBeGreaterThan(remaining);
      }
      bucket.take();
    }
    expect(bucket.remaining(nowMs + bucket.windowSeconds * 1000)).toBe(capacity);
    expect(bucket.moreInSeconds).toBe(0);
  });
  fc.assert(property, { seed: SEED, numRuns: 200 });
});

test('a bucket of other limits goes on with what is left of the one before', () => {
  const before = new TokenBucket(1, 10, 0);
  for (let taken = 0; taken < 7; taken++) before.take();
  expect(new TokenBucket(5, 20, 0, before).remaining(0)).toBe(3);
  expect(new TokenBucket(5, 2, 0, before).remaining(0)).toBe(2);
});
