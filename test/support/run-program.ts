import { type ExecFileException, execFile, spawnSync } from 'node:child_process';
import { PATIENCE_MS } from './patience.js';

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, without a shell. `env` is added to `PATH` and `HOME` alone, so that no proxy or
 * credential of the machine reaches it.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<ProgramResult> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, env: { PATH, HOME, ...options.env }, timeout: PATIENCE_MS },
      (error: ExecFileException | null, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
    // A program may end without reading what it is given.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Whether a program is on this machine. */
export function isInstalled(file: string): boolean {
  return spawnSync(file, ['--version'], { stdio: 'ignore' }).status === 0;
}
