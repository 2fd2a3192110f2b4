import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import {
  type Finished,
  serveKeyferry,
  startProcess,
  temporaryDataDir,
} from '../support/serve-process.js';

/** Whether a process has the file open. It may end meanwhile. */
function holds(pid: number, file: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => readlinkSync(join(folder, fd)) === file);
  } catch {
    return false;
  }
}

test.runIf(process.platform === 'linux')(
  'a start that is asked to stop ends at once, by 0, and the next one finds all in order',
  async () => {
    const dataDir = temporaryDataDir();
    const file = join(dataDir, 'keyferry-start.lock');
    writeFileSync(file, '', { mode: 0o600 });
    const turn = new Database(file);
    onTestFinished(() => void turn.close());
    // As another server does while it starts.
    turn.exec('BEGIN EXCLUSIVE');
    const ended: Finished[] = [];
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { child, finished } = startProcess(dataDir, ['--shared']);
      await expect
        .poll(() => child.exitCode !== null || holds(child.pid ?? 0, file), {
          timeout: PATIENCE_MS,
        })
        .toBe(true);
      child.kill(signal);
      ended.push(await finished);
    }
    expect(ended).toEqual([
      { exitCode: 0, stdout: '', stderr: 'SIGTERM: the start was given up\n' },
      { exitCode: 0, stdout: '', stderr: 'SIGINT: the start was given up\n' },
    ]);
    turn.exec('ROLLBACK');
    const server = await serveKeyferry({ dataDir, flags: ['--shared'] });
    expect((await server.stop()).exitCode).toBe(0);
  },
);
