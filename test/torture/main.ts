/**
 * `npm run torture`: the figures of the threat table, reached in slices that add up over runs. See
 * CONTRIBUTING.md.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { nearestName } from '../../src/core/index.js';
import type { Campaign } from './campaign.js';
import { report } from './report.js';
import { runCampaigns } from './run-campaigns.js';
import { runSlice } from './run-slice.js';
import { readResults } from './slice-results.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string' },
    report: { type: 'boolean', default: false },
    campaigns: { type: 'string', default: here('campaigns') },
    results: { type: 'string', default: here('results') },
  },
});

function numberOf(name: 'minutes' | 'count' | 'seed', least: number): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  const isWhole = name === 'minutes' || Number.isInteger(value);
  if (text !== '' && isWhole && value >= least && Number.isFinite(value)) return value;
  throw new Error(`--${name} takes a number of at least ${least}, not "${text}".`);
}

const files = new Map<string, string>();
async function loadCampaigns(folder: string): Promise<Campaign[]> {
  const campaigns: Campaign[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.ts')) continue;
    const file = resolve(folder, name);
    const { campaign } = (await import(pathToFileURL(file).href)) as { campaign?: Campaign };
    if (campaign === undefined) throw new Error(`${file} exports no campaign.`);
    if (`${campaign.name}.ts` !== name) throw new Error(`${file} exports ${campaign.name}.`);
    campaigns.push(campaign);
    files.set(campaign.name, file);
  }
  return campaigns;
}

function chosen(all: readonly Campaign[]): readonly Campaign[] {
  if (names.length === 0) return all;
  return names.map((name) => {
    const found = all.find((campaign) => campaign.name === name);
    if (found !== undefined) return found;
    const known = all.map((campaign) => campaign.name);
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? known.join(', ') : `Did you mean ${nearest}?`;
    throw new Error(`There is no campaign ${name}. ${hint}`);
  });
}

/** Of the tree that runs; with a plus where files of it were changed since. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: here('.'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  try {
    const changed = git('status', '--porcelain', '--', here('../../src')) !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}

async function main(): Promise<number> {
  const campaigns = chosen(await loadCampaigns(options.campaigns));
  if (options.report) {
    process.stdout.write(report(campaigns, readResults(options.results)));
    return 0;
  }
  const minutes = numberOf('minutes', 0);
  const endAtMs = minutes === undefined ? undefined : Date.now() + minutes * 60_000;
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const stop = new AbortController();
  const kill = new AbortController();
  process.on('SIGINT', () => {
    if (stop.signal.aborted) kill.abort();
    else say('Ends after this slice; interrupt again to end it now, without its result.');
    stop.abort();
  });
  const { version } = JSON.parse(readFileSync(here('../../package.json'), 'utf8')) as {
    version: string;
  };
  const failed = await runCampaigns({
    campaigns,
    resultsFolder: options.results,
    version,
    commit: commit(),
    count: numberOf('count', 1),
    seed: numberOf('seed', 0),
    endAtMs,
    goBeyond: names.length > 0 && endAtMs !== undefined,
    signal: stop.signal,
    say,
    runSlice: (campaign, seed, count) =>
      runSlice({ file: files.get(campaign.name) ?? '', seed, count, endAtMs, kill: kill.signal }),
  });
  if (failed.length > 0) say(`Found something: ${failed.join(', ')}.`);
  return failed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
