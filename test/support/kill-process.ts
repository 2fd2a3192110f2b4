import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * Runs a script of this folder and kills it with SIGKILL so many milliseconds after it printed `ready`,
 * unless it ended by itself before.
 */
export async function runAndKill(
  script: string,
  args: readonly string[],
  afterMs: number,
): Promise<{ lines: string[]; exitCode: number | null; errors: string }> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stderr.on('data', (piece: Buffer) => {
    errors += piece.toString();
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (piece: Buffer) => {
      output += piece.toString();
      if (output.startsWith('ready\n')) resolve();
    });
  });
  const closed = once(child, 'close');
  await Promise.race([ready, closed]);
  await Promise.race([wait(afterMs), closed]);
  child.kill('SIGKILL');
  await closed;
  // The last line may be cut.
  const lines = output.split('\n').slice(1, -1);
  return { lines, exitCode: child.exitCode, errors };
}
