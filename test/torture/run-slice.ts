import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Slice, SliceOutcome } from './campaign.js';

/** What the process of a slice is told, as JSON in `TORTURE_SLICE`. */
export interface SliceOrder extends Omit<Slice, 'signal'> {
  /** Module of the campaign. */
  readonly file: string;
  readonly resultFile: string;
  /** When its signal is aborted (milliseconds since 1970). */
  readonly endAtMs?: number | undefined;
}

export interface RunSliceOptions {
  readonly file: string;
  readonly seed: number;
  readonly count: number;
  readonly endAtMs?: number | undefined;
  /** Kills the slice. */
  readonly kill?: AbortSignal | undefined;
}

/** A slice that has not come to its end by then never will. */
const LONGEST_SLICE_MS = 1_800_000;
/** Of what a slice that failed wrote. */
const OUTPUT_CHARACTERS = 4000;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const CONFIG = join(ROOT, 'test/torture/vitest.config.ts');

/**
 * Runs one slice in a process of its own, inside vitest: what tests use to start servers and upstreams, and to
 * end them, works there too. A slice that crashes or hangs is a finding; one that is killed has no outcome. An
 * interrupt of the terminal does not reach it.
 */
export async function runSlice(options: RunSliceOptions): Promise<SliceOutcome | undefined> {
  const { file, seed, count, endAtMs, kill } = options;
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-torture-'));
  const resultFile = join(folder, 'result.json');
  const order: SliceOrder = { file, seed, count, endAtMs, resultFile };
  const child = spawn(process.execPath, [VITEST, 'run', '--config', CONFIG], {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, TORTURE_SLICE: JSON.stringify(order) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      output = (output + piece.toString()).slice(-OUTPUT_CHARACTERS);
    });
  }
  // The servers that it started are of its process group.
  const end = (): void => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
  const timer = setTimeout(end, LONGEST_SLICE_MS);
  kill?.addEventListener('abort', end);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  kill?.removeEventListener('abort', end);
  const outcome = readOutcome(resultFile);
  rmSync(folder, { recursive: true });
  if (kill?.aborted === true) return undefined;
  if (exitCode === 0 && outcome !== undefined) return outcome;
  const { done = 0, findings = [], note } = outcome ?? {};
  const ended = `The slice ended with ${exitCode}:\n${output.trim()}`;
  return { done, findings: [...findings, ended], note };
}

function readOutcome(file: string): SliceOutcome | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as SliceOutcome;
  } catch {
    return undefined;
  }
}
