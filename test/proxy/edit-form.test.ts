import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FormEditor } from '../../src/proxy/edit-form.js';

const edit = (form: string, cuts: readonly number[]): string => {
  const whole = Buffer.from(form, 'latin1');
  const editor = new FormEditor(new Set(['key']));
  const ends = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    editor.push(whole.subarray(from, end));
    from = end;
  }
  return editor.end('key=V').toString('latin1');
};

it('sets a field whatever the form and its pieces, and leaves the others as they are', () => {
  const piece = fc.constantFrom(
    ...[
      'key',
      'Key',
      'k%65y',
      '%6B',
      '+',
      '%20',
      'ey',
      '[',
      ']',
      '=',
      '=',
      '&',
      '&',
      '&',
      'a',
      '%',
      '%zz',
      '\xff',
      ';',
      'keys',
    ],
  );
  const form = fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(form, fc.array(fc.nat(), { maxLength: 5 }), (text, cuts) => {
      const result = edit(text, cuts);
      expect(result).toBe(edit(text, []));
      expect(result).toMatch(/(?:^|&)key=V$/);
      const before = new URLSearchParams(text);
      const after = new URLSearchParams(result);
      expect(after.getAll('key')).toEqual(['V']);
      if (text.includes(';')) return;
      const others = (all: URLSearchParams) =>
        [...all].filter(([name]) => !/^\s*key\s*(?:\[|$)/i.test(name));
      expect(others(after)).toEqual(others(before));
      for (const pair of result.split('&').slice(0, -1)) expect(text.split('&')).toContain(pair);
    }),
    { numRuns: 3000, seed: 6 },
  );
});
