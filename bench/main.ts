/**
 * `npm run bench`: what one request through Keyferry costs, as a ratio to the floor measured in the same run.
 *
 * For each row, every round measures the floor, Keyferry and the row, a second each at one fixed rate, so that a
 * machine that speeds up or slows down does so for both sides of a pair. A ratio is the median over the rounds.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type MedianInterval, medianInterval } from './median-interval.js';
import { FLOOR, KEYFERRY, ROWS, type Row, type RunningRow, startUpstream } from './rows.js';
import { type Measurement, runLoad } from './run-load.js';
import { pinsProcesses } from './start-process.js';

const { values: options } = parseArgs({
  options: {
    pairs: { type: 'string', default: '25' },
    seconds: { type: 'string', default: '1' },
    rate: { type: 'string', default: '5000' },
    rows: { type: 'string', default: '' },
    json: { type: 'string', default: 'bench/results/latest.json' },
  },
});
const pairs = Number(options.pairs);
const seconds = Number(options.seconds);
const rate = Number(options.rate);
/** Until code is compiled and heaps have their size. */
const WARM_UP_SECONDS = 6;
const PEAK_SECONDS = 3;
/** The measured process has its processor to itself; upstream and load generator share the other. */
const PROXY_CPU = Math.max(0, cpus().length - 1);
const OTHER_CPU = 0;

interface RowResult {
  readonly name: string;
  readonly installed: boolean;
  readonly cpuMicrosPerRequest?: number;
  readonly ratioToFloor?: MedianInterval;
  readonly ratioToKeyferry?: MedianInterval;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly maxRequestsPerSecond?: number;
  /** The load generator was the limit, not the proxy: the throughput says little. */
  readonly boundByLoadGenerator?: boolean;
  readonly startMs?: number;
}

const folder = mkdtempSync(join(tmpdir(), 'keyferry-bench-'));
const upstream = await startUpstream(folder, OTHER_CPU);
try {
  await main();
} finally {
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const wanted = ROWS.filter(({ name }) => new RegExp(options.rows || '.').test(name));
  process.stderr.write(`${pairs} rounds for each row, ${seconds} s at ${rate} requests/s\n`);
  const results: RowResult[] = [];
  for (const row of wanted) {
    results.push(await compare(row));
    process.stderr.write(`${lineOf(results.at(-1) as RowResult)}\n`);
  }
  report(results);
}

/**
 * Measures a row in turns with the floor and with Keyferry, and with nothing else alive: a process that waits
 * long for its turn collects garbage and forgets compiled code meanwhile, and would pay for it in its turn.
 */
async function compare(row: Row): Promise<RowResult> {
  const running = new Map<Row, RunningRow>();
  try {
    for (const each of new Set([FLOOR, KEYFERRY, row])) {
      const started = await each.start(folder, upstream.origin, PROXY_CPU);
      if (started !== undefined) running.set(each, started);
    }
    const started = running.get(row);
    if (started === undefined) return { name: row.name, installed: false };
    for (const each of running.values()) await measure(each, WARM_UP_SECONDS);
    const rounds: Map<Row, Measurement>[] = [];
    for (let round = 1; round <= pairs; round++) {
      const measured = new Map<Row, Measurement>();
      for (const [each, at] of running) measured.set(each, await measure(at, seconds));
      rounds.push(measured);
    }
    return resultOf(row, started, rounds, await measure(started, PEAK_SECONDS, null));
  } finally {
    for (const { process } of running.values()) await process.stop();
  }
}

function measure(
  { process: target, credential }: RunningRow,
  forSeconds: number,
  atRate: number | null = rate,
): Promise<Measurement> {
  return runLoad({
    url: `${target.origin}/r0/v1/items?limit=10`,
    credential,
    pid: target.pid,
    seconds: forSeconds,
    rate: atRate ?? undefined,
  });
}

function resultOf(
  row: Row,
  { process: { startMs } }: RunningRow,
  rounds: readonly Map<Row, Measurement>[],
  peak: Measurement,
): RowResult {
  const pick = (figure: keyof Measurement, of = row): number[] =>
    rounds.map((round) => round.get(of)?.[figure] ?? Number.NaN);
  const ratioTo = (base: Row): MedianInterval => {
    const costs = pick('cpuMicrosPerRequest', base);
    return medianInterval(
      pick('cpuMicrosPerRequest').map((cost, i) => cost / (costs[i] as number)),
    );
  };
  return {
    name: row.name,
    installed: true,
    cpuMicrosPerRequest: round1(medianInterval(pick('cpuMicrosPerRequest')).median),
    ratioToFloor: rounded(ratioTo(FLOOR)),
    ratioToKeyferry: rounded(ratioTo(KEYFERRY)),
    p50Ms: medianInterval(pick('p50Ms')).median,
    p99Ms: medianInterval(pick('p99Ms')).median,
    maxRequestsPerSecond: Math.round(peak.requestsPerSecond),
    boundByLoadGenerator: peak.busy < 0.9,
    startMs: Math.round(startMs),
  };
}

function report(results: readonly RowResult[]): void {
  const document = {
    at: new Date().toISOString(),
    node: process.version,
    machine: { cpus: cpus().length, model: cpus()[0]?.model, pinned: pinsProcesses },
    pairs,
    seconds,
    rate,
    rows: results,
  };
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`);
  const lines = [
    '| row | CPU µs/request | × floor (95 %) | × keyferry (95 %) | p50 / p99 ms | max requests/s | start ms |',
    '|---|---|---|---|---|---|---|',
    ...results.map(lineOf),
  ];
  process.stdout.write(`${lines.join('\n')}\n\nJSON: ${options.json}\n`);
}

function lineOf(row: RowResult): string {
  if (!row.installed) return `| ${row.name} | not installed | | | | | |`;
  const cells = [
    row.name,
    row.cpuMicrosPerRequest,
    interval(row.ratioToFloor),
    interval(row.ratioToKeyferry),
    `${row.p50Ms} / ${row.p99Ms}`,
    `${row.maxRequestsPerSecond}${row.boundByLoadGenerator ? ' (bound by the load generator)' : ''}`,
    row.startMs,
  ];
  return `| ${cells.join(' | ')} |`;
}

function interval(value: MedianInterval | undefined): string {
  return value === undefined ? '' : `${value.median} (${value.low}–${value.high})`;
}

function rounded({ median, low, high }: MedianInterval): MedianInterval {
  return { median: round2(median), low: round2(low), high: round2(high) };
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
