import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffLines } from '../../src/core/index.js';

const shown = (before: string, after: string): string[] =>
  diffLines(before, after).map((line) => (line === undefined ? '…' : `${line.kind}${line.text}`));

test('shows what goes and what comes, with two lines around it', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].join('\n');
  const after = ['1', '2', '3', 'x', '5', '6', '7', '8', '9', 'y'].join('\n');
  expect(shown(before, after)).toEqual([' 2', ' 3', '-4', '+x', ' 5', ' 6', '…', ' 8', ' 9', '+y']);
  expect(shown(before, before)).toEqual([]);
});

test('what stays and goes is the old text, what stays and comes the new one', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', '}'), { maxLength: 5 });
  fc.assert(
    fc.property(lines, lines, (old, now) => {
      const diff = diffLines(old.join('\n'), now.join('\n')).filter((line) => line !== undefined);
      const left = diff.filter(({ kind }) => kind !== '+').map(({ text }) => text);
      const right = diff.filter(({ kind }) => kind !== '-').map(({ text }) => text);
      // Short texts are shown whole, unless nothing differs at their ends.
      expect(`\n${old.join('\n')}\n`).toContain(`\n${left.join('\n')}`);
      expect(`\n${now.join('\n')}\n`).toContain(`\n${right.join('\n')}`);
      if (old.join('\n') !== now.join('\n')) expect(left.join('\n')).not.toBe(right.join('\n'));
    }),
    { numRuns: 500, seed: 3 },
  );
});

test('long texts that have nothing in common are not compared line with line', () => {
  const lines = (letter: string, count: number): string =>
    Array.from({ length: count }, (_, at) => `${letter}${at}`).join('\n');
  const began = performance.now();
  expect(diffLines(lines('a', 100_000), lines('b', 100_000))).toHaveLength(200_000);
  expect(diffLines('{\n1\n}', `{\n${lines('b', 300_000)}\n}`)).toHaveLength(300_003);
  // Line with line they would be for minutes.
  expect(performance.now() - began).toBeLessThan(10_000);
});
