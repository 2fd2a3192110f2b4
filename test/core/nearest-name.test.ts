import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/core/index.js';

describe('nearestName', () => {
  it.each([
    ['prodution', 'production'],
    ['PRODUCTION', 'production'],
    ['stagign', 'staging'],
    ['devlopment', 'development'],
  ])('takes %s for %s', (name, expected) => {
    expect(nearestName(name, ['development', 'staging', 'production'])).toBe(expected);
  });

  it.each(['qa', 'test', '', 'completely-different'])('takes %j for nothing', (name) => {
    expect(nearestName(name, ['development', 'staging', 'production'])).toBeUndefined();
  });

  it('prefers the closer one', () => {
    expect(nearestName('stripe_kye', ['stripe_keys', 'stripe_key'])).toBe('stripe_key');
  });

  const name = fc.stringMatching(/^[a-z_]{4,20}$/);

  it('finds a name again after any one slip of a finger', () => {
    const slip = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('leave out', 'put in', 'replace', 'swap'),
      letter: fc.stringMatching(/^[a-z]$/),
    });
    fc.assert(
      fc.property(name, slip, (right, { at, kind, letter }) => {
        const i = at % right.length;
        const [before, here, after] = [right.slice(0, i), right.charAt(i), right.slice(i + 1)];
        const swapped = `${after.charAt(0)}${here}${after.slice(1)}`;
        const wrong = {
          'leave out': before + after,
          'put in': before + letter + here + after,
          replace: before + letter + after,
          swap: before + swapped,
        }[kind];
        expect(nearestName(wrong, [right])).toBe(right);
      }),
    );
  });

  it('gives one of the candidates, or nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (wrong, candidates) => {
        const found = nearestName(wrong, candidates);
        if (found !== undefined) expect(candidates).toContain(found);
      }),
    );
  });
});
