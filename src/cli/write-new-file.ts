import { createWriteStream } from 'node:fs';
import { rename, stat, unlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandFailure } from './command-failure.js';

/** Throws a CommandFailure where the file is there and is not to be replaced. */
export async function requireNewFile(file: string, overwrite: boolean | undefined): Promise<void> {
  if (overwrite === true || !(await exists(file))) return;
  throw new CommandFailure(`${file} is there already: give another name, or --overwrite`);
}

/**
 * Writes a file of its owner's as its content comes, and gives its size. One that was cut short does not look like a
 * whole one: until its end it is `FILE.partial`. `what` is for the failure.
 */
export async function writeNewFile(
  file: string,
  content: AsyncIterable<Uint8Array | string>,
  what: string,
): Promise<number> {
  const partial = `${file}.partial`;
  try {
    const output = createWriteStream(partial, { mode: 0o600, flags: 'w', flush: true });
    await pipeline(Readable.from(content), output);
    await rename(partial, file);
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    if (error instanceof CommandFailure) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'cut short';
    throw new CommandFailure(`the ${what} could not be written to ${file} (${code})`);
  }
  return (await stat(file)).size;
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}
