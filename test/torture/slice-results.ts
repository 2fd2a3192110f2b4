import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One slice that was run, as it is kept. */
export interface SliceResult {
  readonly campaign: string;
  readonly seed: number;
  /** Units asked for. */
  readonly count: number;
  readonly done: number;
  readonly findings: readonly string[];
  readonly note?: string | undefined;
  readonly startedAt: string;
  readonly seconds: number;
  readonly version: string;
  readonly commit: string;
}

const EXTENSION = '.jsonl';

/** Adds a slice to its campaign's file, and to nothing else: runs at the same time do not disturb each other. */
export function keepResult(folder: string, result: SliceResult): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.campaign}${EXTENSION}`);
  // A run that was killed may have left half a line.
  const torn = existsSync(file) && !/(?:^|\n)$/.test(readFileSync(file, 'utf8'));
  appendFileSync(file, `${torn ? '\n' : ''}${JSON.stringify(result)}\n`);
}

/** Every slice that was kept, whichever run it belongs to. A line that was torn counts as never written. */
export function readResults(folder: string): SliceResult[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(EXTENSION))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .flatMap((line) => {
      const result = parsed(line);
      return result === undefined ? [] : [result];
    });
}

function parsed(line: string): SliceResult | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isResult = typeof value === 'object' && value !== null && 'campaign' in value;
    return isResult ? (value as SliceResult) : undefined;
  } catch {
    return undefined;
  }
}

export interface Total {
  readonly done: number;
  readonly slices: number;
  readonly findings: number;
  readonly seconds: number;
}

/** What all slices of a campaign come to. */
export function totalOf(results: readonly SliceResult[], campaign: string): Total {
  let [done, slices, findings, seconds] = [0, 0, 0, 0];
  for (const result of results) {
    if (result.campaign !== campaign) continue;
    done += result.done;
    slices++;
    findings += result.findings.length;
    seconds += result.seconds;
  }
  return { done, slices, findings, seconds };
}
