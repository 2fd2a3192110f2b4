import { randomInt } from 'node:crypto';
import type { Campaign, SliceOutcome } from './campaign.js';
import { grouped, isReached } from './report.js';
import { keepResult, readResults, type SliceResult, totalOf } from './slice-results.js';

export interface RunOptions {
  readonly campaigns: readonly Campaign[];
  readonly resultsFolder: string;
  readonly version: string;
  readonly commit: string;
  /** Units of each campaign; by default until its figure is reached. */
  readonly count?: number | undefined;
  /** One slice of each campaign, with this seed. */
  readonly seed?: number | undefined;
  /** No slice begins after it (milliseconds since 1970). */
  readonly endAtMs?: number | undefined;
  /** Go on beyond a figure that is reached, as long as there is time. */
  readonly goBeyond?: boolean | undefined;
  /** No slice begins once it is aborted; the one under way is kept. */
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Without an outcome nothing is kept, and the run ends. */
  runSlice(campaign: Campaign, seed: number, count: number): Promise<SliceOutcome | undefined>;
}

/** Greatest seed, exclusive: fits into 32 bits, as `seededRandom` and fast-check take it. */
const SEEDS = 2 ** 31;

/**
 * Runs campaigns in turns, a slice at a time, and keeps each slice's result before the next begins. A campaign
 * that found something is left alone from then on. Resolves with the names of those.
 */
export async function runCampaigns(options: RunOptions): Promise<string[]> {
  const { campaigns, resultsFolder, say } = options;
  const failed: string[] = [];
  let left = campaigns.filter((campaign) => {
    const why = campaign.missing?.();
    if (why !== undefined) say(`${campaign.name}: skipped: ${why}`);
    return why === undefined;
  });
  const doneNow = new Map<string, number>();
  while (left.length > 0) {
    const unfinished: Campaign[] = [];
    for (const campaign of left) {
      if (options.signal.aborted || isTimeUp(options)) return failed;
      const { name } = campaign;
      const count = nextCount(options, campaign, doneNow.get(name));
      if (count === 0) continue;
      const result = await slice(options, campaign, options.seed ?? randomInt(SEEDS), count);
      if (result === undefined) return failed;
      keepResult(resultsFolder, result);
      tell(options, campaign, result);
      doneNow.set(name, (doneNow.get(name) ?? 0) + result.done);
      if (result.findings.length > 0) failed.push(name);
      else unfinished.push(campaign);
    }
    left = unfinished;
  }
  return failed;
}

/** Units of the next slice; 0 = nothing is left to do. `doneNow`: in this run; undefined before its first slice. */
function nextCount(options: RunOptions, campaign: Campaign, doneNow: number | undefined): number {
  const { count, seed, resultsFolder } = options;
  if (seed !== undefined) return doneNow === undefined ? (count ?? campaign.slice) : 0;
  if (count !== undefined) return Math.min(campaign.slice, Math.max(0, count - (doneNow ?? 0)));
  const results = readResults(resultsFolder);
  const { done } = totalOf(results, campaign.name);
  if (done < campaign.target) return Math.min(campaign.slice, campaign.target - done);
  if (options.goBeyond === true) return campaign.slice;
  if (doneNow === undefined) {
    const state = isReached(campaign, results) ? 'is reached' : 'is reached, with findings';
    options.say(`${campaign.name}: ${grouped(campaign.target)} ${campaign.unit} ${state}`);
  }
  return 0;
}

function isTimeUp({ endAtMs }: RunOptions): boolean {
  return endAtMs !== undefined && Date.now() >= endAtMs;
}

async function slice(
  options: RunOptions,
  campaign: Campaign,
  seed: number,
  count: number,
): Promise<SliceResult | undefined> {
  const { version, commit } = options;
  const startedAt = new Date().toISOString();
  const begin = performance.now();
  const outcome = await options.runSlice(campaign, seed, count);
  if (outcome === undefined) return undefined;
  const seconds = Math.round(performance.now() - begin) / 1000;
  const { done, note } = outcome;
  const isIdle = done === 0 && outcome.findings.length === 0;
  if (isIdle && isTimeUp(options)) return undefined;
  const findings = isIdle ? ['The slice did nothing.'] : outcome.findings;
  const { name } = campaign;
  return { campaign: name, seed, count, done, findings, note, startedAt, seconds, version, commit };
}

function tell({ say, resultsFolder }: RunOptions, campaign: Campaign, result: SliceResult): void {
  const { name, target, unit } = campaign;
  const { seed, count, done, findings, seconds, note } = result;
  const total = totalOf(readResults(resultsFolder), name);
  const rate = (done / Math.max(seconds, 0.001)).toPrecision(3);
  const progress = `${grouped(total.done)} of ${grouped(target)} ${unit}`;
  say(`${name}: ${grouped(done)} in ${seconds} s (${rate}/s), seed ${seed}; ${progress}`);
  if (note !== undefined) say(`${name}: ${note}`);
  for (const finding of findings) say(`${name}: FOUND: ${finding}`);
  if (findings.length === 0) return;
  say(`${name}: again with: npm run torture -- ${name} --seed ${seed} --count ${count}`);
}
