import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutToWidth, displayWidth, renderTable } from '../../src/cli/table.js';

const columns = [
  { title: 'NAME', shrinks: true },
  { title: 'AGE', align: 'right' as const },
  { title: 'NOTE' },
];

describe('renderTable', () => {
  it('aligns columns and leaves no blanks at the end of a line', () => {
    const lines = renderTable(
      columns,
      [
        ['a', '1 d', 'x'],
        ['longer', '100 d', ''],
      ],
      undefined,
    );
    expect(lines).toEqual(['NAME      AGE  NOTE', 'a         1 d  x', 'longer  100 d']);
  });

  it('cuts the widest column that may be cut, and only on a terminal', () => {
    const rows = [['a'.repeat(40), '1 d', 'x']];
    expect(renderTable(columns, rows, 30)[1]).toBe(`${'a'.repeat(18)}…  1 d  x`.padEnd(26));
    expect(renderTable(columns, rows, undefined)[1]).toContain('a'.repeat(40));
  });

  it('counts wide characters as two cells', () => {
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('✓ é')).toBe(3);
    expect(cutToWidth('日本語', 4)).toBe('日…');
  });

  it('never makes a cut text wider than asked', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 20 }),
        (text, width) => {
          expect(displayWidth(cutToWidth(text, width))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
