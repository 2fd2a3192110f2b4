/**
 * `npm run bench`: what one request through Keyferry costs, as a ratio to the floor measured in the same run.
 *
 * Every round measures the floor and then each row for a few seconds at one fixed rate, so that a machine that
 * speeds up or slows down does so for both sides of a pair. A row's ratio is the median over the rounds.
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
    pairs: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '5000' },
    rows: { type: 'string', default: '' },
    json: { type: 'string', default: 'bench/results/latest.json' },
  },
});
const pairs = Number(options.pairs);
const seconds = Number(options.seconds);
const rate = Number(options.rate);
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
const running = new Map<Row, RunningRow>();
const upstream = await startUpstream(folder, OTHER_CPU);
try {
  await main();
} finally {
  for (const { process } of running.values()) await process.stop();
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const wanted = ROWS.filter(({ name }) => new RegExp(options.rows || '.').test(name));
  for (const row of [FLOOR, ...wanted]) {
    const started = await row.start(folder, upstream.origin, PROXY_CPU);
    if (started !== undefined) running.set(row, started);
  }
  process.stderr.write(
    `${pairs} rounds of ${running.size} rows, ${seconds} s each at ${rate} requests/s\n`,
  );
  for (const row of running.keys()) await measure(row, 3);
  const rounds: Map<Row, Measurement>[] = [];
  for (let round = 1; round <= pairs; round++) {
    const measured = new Map<Row, Measurement>();
    for (const row of running.keys()) measured.set(row, await measure(row, seconds));
    rounds.push(measured);
    process.stderr.write(`round ${round} of ${pairs}\n`);
  }
  const peaks = new Map<Row, Measurement>();
  for (const row of running.keys()) peaks.set(row, await measure(row, seconds, null));
  const results = [FLOOR, ...wanted].map((row) => resultOf(row, rounds, peaks.get(row)));
  report(results);
}

function measure(row: Row, forSeconds: number, atRate: number | null = rate): Promise<Measurement> {
  const started = running.get(row);
  if (started === undefined) throw new Error(`${row.name} is not running`);
  const { process: target, credential } = started;
  const url = `${target.origin}/r0/v1/items?limit=10`;
  return runLoad({
    url,
    credential,
    pid: target.pid,
    seconds: forSeconds,
    rate: atRate ?? undefined,
  });
}

function resultOf(
  row: Row,
  rounds: readonly Map<Row, Measurement>[],
  peak: Measurement | undefined,
): RowResult {
  const started = running.get(row);
  if (started === undefined || peak === undefined) return { name: row.name, installed: false };
  const figures = (pick: (measurement: Measurement) => number): number =>
    medianInterval(rounds.map((round) => pick(round.get(row) as Measurement))).median;
  const ratioTo = (base: Row): MedianInterval =>
    medianInterval(
      rounds.map(
        (round) =>
          (round.get(row)?.cpuMicrosPerRequest ?? Number.NaN) /
          (round.get(base)?.cpuMicrosPerRequest ?? Number.NaN),
      ),
    );
  return {
    name: row.name,
    installed: true,
    cpuMicrosPerRequest: round1(figures((measurement) => measurement.cpuMicrosPerRequest)),
    ratioToFloor: rounded(ratioTo(FLOOR)),
    ...(running.has(KEYFERRY) ? { ratioToKeyferry: rounded(ratioTo(KEYFERRY)) } : {}),
    p50Ms: figures((measurement) => measurement.p50Ms),
    p99Ms: figures((measurement) => measurement.p99Ms),
    maxRequestsPerSecond: Math.round(peak.requestsPerSecond),
    boundByLoadGenerator: peak.busy < 0.9,
    startMs: Math.round(started.process.startMs),
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
