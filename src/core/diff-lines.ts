/** A line that stays, goes or comes. */
export interface DiffLine {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
}

/** Lines around a change that stay. */
const CONTEXT = 2;

/**
 * What differs between two texts, line by line, with two lines around each change; `undefined` stands for lines
 * that are left out. Made for texts that are alike: it looks for the nearest lines that are the same again.
 */
export function diffLines(before: string, after: string): (DiffLine | undefined)[] {
  const old = before.split('\n');
  const now = after.split('\n');
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && old[i] === now[j]) {
      lines.push({ kind: ' ', text: old[i] ?? '' });
      i++;
      j++;
      continue;
    }
    const [gone, came] = nearest(old, now, i, j);
    for (; i < gone; i++) lines.push({ kind: '-', text: old[i] ?? '' });
    for (; j < came; j++) lines.push({ kind: '+', text: now[j] ?? '' });
  }
  return withContext(lines);
}

/** Where both go on alike, after as few lines as possible. */
function nearest(
  old: readonly string[],
  now: readonly string[],
  i: number,
  j: number,
): [gone: number, came: number] {
  const furthest = old.length - i + now.length - j;
  for (let distance = 1; distance < furthest; distance++) {
    for (let skipped = 0; skipped <= distance; skipped++) {
      const [gone, came] = [i + skipped, j + distance - skipped];
      if (gone < old.length && came < now.length && old[gone] === now[came]) return [gone, came];
    }
  }
  return [old.length, now.length];
}

function withContext(lines: readonly DiffLine[]): (DiffLine | undefined)[] {
  const shown = new Set<number>();
  for (const [index, { kind }] of lines.entries()) {
    if (kind === ' ') continue;
    for (let near = index - CONTEXT; near <= index + CONTEXT; near++) shown.add(near);
  }
  const result: (DiffLine | undefined)[] = [];
  for (const [index, line] of lines.entries()) {
    if (shown.has(index)) result.push(line);
    else if (index > 0 && shown.has(index - 1)) result.push(undefined);
  }
  return result.at(-1) === undefined ? result.slice(0, -1) : result;
}
