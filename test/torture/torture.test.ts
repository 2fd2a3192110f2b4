import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Campaign, SliceOutcome } from './campaign.js';
import { report } from './report.js';
import { type RunOptions, runCampaigns } from './run-campaigns.js';
import { readResults, totalOf } from './slice-results.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSX = join(ROOT, 'node_modules/tsx/dist/cli.mjs');

function newResultsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-results-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const campaignOf = (name: string, more: Partial<Campaign> = {}): Campaign => ({
  name,
  threat: 'a threat',
  target: 10,
  unit: 'units',
  slice: 4,
  run: async ({ count }) => ({ done: count, findings: [] }),
  ...more,
});

async function run(options: Partial<RunOptions> & Pick<RunOptions, 'campaigns' | 'resultsFolder'>) {
  const said: string[] = [];
  const failed = await runCampaigns({
    version: '1.2.3',
    commit: 'abc',
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    runSlice: (campaign, seed, count) => campaign.run({ seed, count }),
    ...options,
  });
  return { failed, said, results: readResults(options.resultsFolder) };
}

describe('a run', () => {
  test('goes on until the figure is reached, in slices with seeds of their own', async () => {
    const resultsFolder = newResultsFolder();
    const { failed, results } = await run({ campaigns: [campaignOf('a')], resultsFolder });
    expect(failed).toEqual([]);
    expect(results.map(({ done }) => done)).toEqual([4, 4, 2]);
    expect(new Set(results.map(({ seed }) => seed)).size).toBe(3);
    expect(results[0]).toMatchObject({ campaign: 'a', count: 4, version: '1.2.3', commit: 'abc' });
  });

  test('takes turns, and goes on where the one before it ended', async () => {
    const resultsFolder = newResultsFolder();
    const campaigns = [campaignOf('a'), campaignOf('b', { slice: 10 })];
    const stop = new AbortController();
    let slices = 0;
    const first = await run({
      campaigns,
      resultsFolder,
      signal: stop.signal,
      runSlice: async (_campaign, _seed, count) => {
        if (++slices === 2) stop.abort();
        return { done: count, findings: [] };
      },
    });
    expect(first.results.map(({ campaign, done }) => [campaign, done])).toEqual([
      ['a', 4],
      ['b', 10],
    ]);
    const { results, said } = await run({ campaigns, resultsFolder });
    expect(totalOf(results, 'a')).toMatchObject({ done: 10, slices: 3, findings: 0 });
    expect(totalOf(results, 'b')).toMatchObject({ done: 10, slices: 1 });
    expect(said).toContain('b: 10 units is reached');
    const { results: same } = await run({ campaigns, resultsFolder });
    expect(same).toHaveLength(results.length);
  });

  test('does as many units as it is told, and with a seed one slice', async () => {
    const resultsFolder = newResultsFolder();
    const campaigns = [campaignOf('a')];
    await run({ campaigns, resultsFolder, count: 13 });
    expect(totalOf(readResults(resultsFolder), 'a')).toMatchObject({ done: 13, slices: 4 });
    const { results } = await run({ campaigns, resultsFolder, count: 9, seed: 5 });
    expect(results.at(-1)).toMatchObject({ seed: 5, count: 9, done: 9 });
    expect(results).toHaveLength(5);
  });

  test('begins nothing when time is up, and goes beyond a figure only when asked to', async () => {
    const resultsFolder = newResultsFolder();
    const campaigns = [campaignOf('a')];
    expect((await run({ campaigns, resultsFolder, endAtMs: Date.now() })).results).toEqual([]);
    await run({ campaigns, resultsFolder });
    const endAtMs = Date.now() + 100;
    const runSlice = async (): Promise<SliceOutcome> => {
      await wait(10);
      return { done: 1, findings: [] };
    };
    const { results } = await run({ campaigns, resultsFolder, endAtMs, goBeyond: true, runSlice });
    expect(totalOf(results, 'a').done).toBeGreaterThan(10);
  });

  test('names a campaign that found something, how to do it again, and runs the others', async () => {
    const resultsFolder = newResultsFolder();
    const bad = campaignOf('bad', {
      run: async ({ count }) => ({ done: count, findings: ['It leaks.'] }),
    });
    const campaigns = [bad, campaignOf('good'), campaignOf('idle', { run: async () => nothing })];
    const nothing = { done: 0, findings: [] };
    const { failed, said, results } = await run({ campaigns, resultsFolder });
    expect(failed).toEqual(['bad', 'idle']);
    const [first] = results.filter(({ campaign }) => campaign === 'bad');
    expect(said).toContain('bad: FOUND: It leaks.');
    expect(said).toContain(
      `bad: again with: npm run torture -- bad --seed ${first?.seed} --count 4`,
    );
    expect(totalOf(results, 'bad').slices).toBe(1);
    expect(totalOf(results, 'good').done).toBe(10);
    expect(said).toContain('idle: FOUND: The slice did nothing.');
  });

  test('skips by name what this machine cannot do', async () => {
    const campaigns = [campaignOf('a', { missing: () => 'there is no strace here' })];
    const { said, results } = await run({ campaigns, resultsFolder: newResultsFolder() });
    expect(said).toEqual(['a: skipped: there is no strace here']);
    expect(results).toEqual([]);
  });

  test('that was killed while it wrote a line leaves the others whole', async () => {
    const resultsFolder = newResultsFolder();
    const campaigns = [campaignOf('a')];
    await run({ campaigns, resultsFolder, count: 4 });
    const file = join(resultsFolder, 'a.jsonl');
    appendFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
    const { results } = await run({ campaigns, resultsFolder });
    expect(totalOf(results, 'a')).toMatchObject({ done: 10, slices: 3 });
  });
});

test('the report is a table of all runs, where a finding keeps a figure from being reached', async () => {
  const resultsFolder = newResultsFolder();
  const bad = campaignOf('bad', {
    target: 2_000,
    slice: 2_000,
    run: async ({ count }) => ({ done: count, findings: ['x', 'y'] }),
  });
  const campaigns = [bad, campaignOf('good'), campaignOf('none')];
  await run({ campaigns: campaigns.slice(0, 2), resultsFolder });
  expect(report(campaigns, readResults(resultsFolder))).toBe(
    [
      '| campaign | threat | target | total | slices | findings | reached |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| bad | a threat | 2,000 units | 2,000 | 1 | 2 | no |',
      '| good | a threat | 10 units | 10 | 3 | 0 | yes |',
      '| none | a threat | 10 units | 0 | 0 | 0 | no |',
      '',
    ].join('\n'),
  );
});

describe('the command', () => {
  function start(args: readonly string[], resultsFolder: string) {
    const fixtures = join(ROOT, 'test/torture/fixtures');
    const line = ['test/torture/main.ts', '--campaigns', fixtures, '--results', resultsFolder];
    const child = spawn(process.execPath, [TSX, ...line, ...args], { cwd: ROOT });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece: Buffer) => {
        output += piece.toString();
      });
    }
    const finished = new Promise<{ code: number | null; output: string }>((resolve) => {
      child.on('close', (code) => resolve({ code, output }));
    });
    return { child, finished, output: () => output };
  }

  test('runs slices in processes of their own, and fails by what they find or how they end', async () => {
    const folder = newResultsFolder();
    const good = await start(['counts', '--count', '250'], folder).finished;
    expect(good).toMatchObject({ code: 0, output: expect.stringContaining('250 of 250 steps') });
    const odd = await start(['finds', '--seed', '5'], folder).finished;
    expect(odd).toMatchObject({ code: 1, output: expect.stringContaining('FOUND: 5 is odd.') });
    expect(odd.output).toContain('again with: npm run torture -- finds --seed 5 --count 1\n');
    const thrown = await start(['finds', '--seed', '7'], folder).finished;
    expect(thrown).toMatchObject({ code: 1, output: expect.stringContaining('AssertionError') });
    const table = await start(['--report'], folder).finished;
    expect(table.output).toContain('| counts | none | 250 steps | 250 | 3 | 0 | yes |\n');
    expect(table.output).toContain('| finds | all | 1,000,000 odd seeds | 1 | 2 | 2 | no |\n');
  });

  test('ends after its slice when it is interrupted, and keeps the result', async () => {
    const folder = newResultsFolder();
    const { child, finished, output } = start(['waits'], folder);
    await vi.waitUntil(() => output().includes('waits: 1 in '), { timeout: 60_000 });
    child.kill('SIGINT');
    const { code, output: said } = await finished;
    expect(code).toBe(0);
    const { done, slices } = totalOf(readResults(folder), 'waits');
    expect(done).toBe(slices);
    expect(done).toBe(said.split('waits: 1 in ').length - 1);
    expect(done).toBeGreaterThanOrEqual(2);
  });

  test.each([
    [['cuonts'], 'There is no campaign cuonts. Did you mean counts?'],
    [['counts', '--count', 'many'], '--count takes a number of at least 1, not "many".'],
  ])('%j is refused', async (args, problem) => {
    const { code, output } = await start(args, newResultsFolder()).finished;
    expect({ code, output }).toEqual({ code: 2, output: `${problem}\n` });
  });
});
