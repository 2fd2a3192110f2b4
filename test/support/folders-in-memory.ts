import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** All test files together have far less at any time. */
const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Lets temporary folders of tests lie in memory where a machine has room there and lets programs run in it: every
 * commit waits for the disk otherwise, and what a killed process leaves behind does not depend on one.
 */
export default function moveFolders(): (() => void) | undefined {
  let folder: string;
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ROOM_BYTES) return undefined;
    removeLeft();
    folder = mkdtempSync(join(MEMORY, `keyferry-tests-${process.pid}-`));
  } catch {
    return undefined;
  }
  // A database server of a test runs as another user.
  chmodSync(folder, 0o711);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
  if (spawnSync(program).status !== 0) {
    remove();
    return undefined;
  }
  process.env.TMPDIR = folder;
  return remove;
}

/** What runs that were killed have left would take memory until the machine is started again. */
function removeLeft(): void {
  for (const name of readdirSync(MEMORY)) {
    const pid = /^keyferry-tests-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
