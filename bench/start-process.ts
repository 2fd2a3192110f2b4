import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface BenchProcess {
  readonly pid: number;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly startMs: number;
  stop(): Promise<void>;
}

interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The processor to run on; undefined = wherever the kernel likes. */
  readonly cpu: number | undefined;
  /** Takes what the process prints; the address is looked for in it. */
  readonly output: string;
  /** Finds the origin in the output. */
  readonly ready: RegExp;
}

const canPin = spawnSync('taskset', ['-V']).status === 0;
export const pinsProcesses = canPin;

/** Starts a process alone on its processor and waits until it says where it listens. */
export async function startProcess(options: StartOptions): Promise<BenchProcess> {
  const { command, args, cpu, output, ready } = options;
  const file = openSync(output, 'w');
  const pinned = cpu !== undefined && canPin;
  const startedAt = performance.now();
  const child = spawn(
    pinned ? 'taskset' : command,
    pinned ? ['-c', String(cpu), command, ...args] : [...args],
    { stdio: ['ignore', file, file], env: { ...process.env, ...options.env } },
  );
  closeSync(file);
  const origin = await findOrigin(child, output, ready);
  return {
    pid: child.pid ?? 0,
    origin,
    startMs: performance.now() - startedAt,
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode !== null || !child.kill('SIGTERM')) return;
      await Promise.race([exited, sleep(10_000)]);
      child.kill('SIGKILL');
    },
  };
}

async function findOrigin(child: ChildProcess, output: string, ready: RegExp): Promise<string> {
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 5) {
    const origin = ready.exec(readFileSync(output, 'utf8'))?.[1];
    if (origin !== undefined) return origin;
    if (child.exitCode !== null) break;
    await sleep(5);
  }
  throw new Error(`the process did not start:\n${readFileSync(output, 'utf8').slice(0, 2000)}`);
}
