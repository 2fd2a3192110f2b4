import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandFailure } from './command-failure.js';

/**
 * Puts a text in the place of a file's, whole or not at all: it is written beside the file, with the same mode, and
 * takes its place when it is on disk. A symlink stays, and leads to the new text. Throws a CommandFailure when the file
 * no longer holds `expected`.
 */
export async function replaceFile(file: string, expected: string, text: string): Promise<void> {
  let beside: string | undefined;
  try {
    const target = await realpath(file);
    const { mode, uid, gid } = await stat(target);
    beside = `${target}.${randomBytes(6).toString('hex')}.new`;
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      // Only root may give a file away; the owner of the old one usually is who runs this.
      await handle.chown(uid, gid).catch(() => undefined);
      await handle.chmod(mode & 0o7777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await readFile(target, 'utf8')) !== expected) {
      throw new CommandFailure(`${file} was changed meanwhile: nothing was written`, {
        hints: ['Run the command again.'],
      });
    }
    await rename(beside, target);
    beside = undefined;
    await syncFolder(dirname(target));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    throw new CommandFailure(`${file} cannot be written (${code}): it is as it was`);
  } finally {
    if (beside !== undefined) await rm(beside, { force: true });
  }
}

/** The new name must be on disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
