import { spawn } from 'node:child_process';

/** What a program may know of where it runs; nothing of Keyferry's own is among it. */
const PASSED_ON = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

const MAX_OUTPUT_BYTES = 256 * 1024;

export interface CommandRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly input: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How a program ended. `started` false: it was never run. */
export type CommandEnd =
  | { readonly started: false; readonly code: string }
  | {
      readonly started: true;
      readonly end: 'exited' | 'timeout' | 'broken_off' | 'too_much';
      /** Null where a signal ended it. */
      readonly exitCode: number | null;
      readonly output: Uint8Array;
      readonly errorBytes: number;
    };

/**
 * Runs a program without a shell, in a process group of its own, of which nothing is left when this ends. It gets
 * `input` on standard input, and gives what it writes to standard output; of standard error only the length is kept.
 */
export function runCommand(run: CommandRun): Promise<CommandEnd> {
  return new Promise((resolve) => {
    const { file, args, folder, input, timeoutMs, signal } = run;
    if (signal.aborted) {
      resolve({ started: false, code: 'broken off' });
      return;
    }
    const env = Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const value = process.env[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    // `detached`: a session and process group of its own, so that its children end with it.
    const child = spawn(file, args, { cwd: folder, env, detached: true, stdio: 'pipe' });
    const pieces: Buffer[] = [];
    let bytes = 0;
    let errorBytes = 0;
    let end: 'exited' | 'timeout' | 'broken_off' | 'too_much' = 'exited';
    const killGroup = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
    };
    const stop = (why: typeof end): void => {
      if (end === 'exited') end = why;
      killGroup();
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const onAbort = (): void => stop('broken_off');
    const timer = setTimeout(() => stop('timeout'), timeoutMs);
    signal.addEventListener('abort', onAbort);
    const over = (result: CommandEnd): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(result);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) over({ started: false, code: error.code ?? 'unknown' });
    });
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > MAX_OUTPUT_BYTES) stop('too_much');
      else pieces.push(piece);
    });
    child.stderr.on('data', (piece: Buffer) => {
      errorBytes += piece.length;
    });
    // A child of it may hold the output open.
    child.on('exit', killGroup);
    child.on('close', (exitCode) => {
      over({ started: true, end, exitCode, output: Buffer.concat(pieces), errorBytes });
    });
    // It need not read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
