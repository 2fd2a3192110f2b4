/** A line that stays, goes or comes. */
export interface DiffLine {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
}

/** Lines around a change that stay. */
const CONTEXT = 2;
/** Some 50 ms. */
const MOST_COMPARISONS = 10_000_000;

/**
 * What differs between two texts, line by line, with two lines around each change; `undefined` stands for lines
 * that are left out. Made for texts that are alike: it looks for the nearest lines that are the same again. Of long
 * texts that are not it says no more, after a while, than that what is left of the one goes and of the other comes.
 */
export function diffLines(before: string, after: string): (DiffLine | undefined)[] {
  const old = before.split('\n');
  const now = after.split('\n');
  const lines: DiffLine[] = [];
  const budget = { comparisons: MOST_COMPARISONS };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && old[i] === now[j]) {
      lines.push({ kind: ' ', text: old[i] ?? '' });
      i++;
      j++;
      continue;
    }
    const [gone, came] = nearest(old, now, i, j, budget);
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
  budget: { comparisons: number },
): [gone: number, came: number] {
  // The last line of each, counted from here.
  const [lastOld, lastNow] = [old.length - 1 - i, now.length - 1 - j];
  for (let distance = 1; distance <= lastOld + lastNow; distance++) {
    const most = Math.min(distance, lastOld);
    for (let skipped = Math.max(0, distance - lastNow); skipped <= most; skipped++) {
      if (--budget.comparisons < 0) return [old.length, now.length];
      const [gone, came] = [i + skipped, j + distance - skipped];
      if (old[gone] === now[came]) return [gone, came];
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
