export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut when the terminal is too narrow; the widest such column is cut first. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
const MINIMUM_WIDTH = 8;
// East Asian wide forms and pictographs take two cells (Unicode Standard Annex 11).
const WIDE =
  /^(?:\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6])/u;
const NARROW_PICTOGRAPHS = new Set(['✓', '⚠', '✗', '™', '©', '®']);
const PRINTABLE_ASCII = /^[ -~]*$/;
/** Made when it is first needed: it takes longer than all else before a short command. */
let segmenter: Intl.Segmenter | undefined;

/** Cells that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (const segment of charactersOf(text)) {
    width += !NARROW_PICTOGRAPHS.has(segment) && WIDE.test(segment) ? 2 : 1;
  }
  return width;
}

/** Cuts a text to `width` cells; the last cell of a text that was cut is `…`. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = '';
  let used = 0;
  for (const segment of charactersOf(text)) {
    const next = displayWidth(segment);
    if (used + next > width - 1) break;
    cut += segment;
    used += next;
  }
  return `${cut}…`;
}

/** What a reader takes for one character each. */
function* charactersOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter();
  for (const { segment } of segmenter.segment(text)) yield segment;
}

/**
 * Aligned lines, the titles first. `width` is the terminal's; undefined (a pipe, a file) cuts nothing.
 * `paint` colours a finished cell; it must not change its width.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  paint: (cell: string, column: number, row: number | undefined) => string = (cell) => cell,
): string[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  if (width !== undefined) shrinkToFit(columns, widths, width);
  const line = (cells: readonly string[], row: number | undefined): string =>
    columns
      .map((column, index) => {
        const room = widths[index] ?? 0;
        const cell = cutToWidth(cells[index] ?? '', room);
        const padding = ' '.repeat(room - displayWidth(cell));
        const painted = paint(cell, index, row);
        if (column.align === 'right') return padding + painted;
        return index === columns.length - 1 ? painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      columns.map((column) => column.title),
      undefined,
    ),
    ...rows.map((row, index) => line(row, index)),
  ];
}

function shrinkToFit(columns: readonly Column[], widths: number[], width: number): void {
  const total = (): number => widths.reduce((sum, w) => sum + w, GAP.length * (widths.length - 1));
  for (let excess = total() - width; excess > 0; excess = total() - width) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const room = widths[index] ?? 0;
      if (column.shrinks === true && room > MINIMUM_WIDTH && room > (widths[widest] ?? 0)) {
        widest = index;
      }
    }
    if (widest === -1) return;
    widths[widest] = Math.max(MINIMUM_WIDTH, (widths[widest] ?? 0) - excess);
  }
}
