import { open } from 'node:fs/promises';
import { CommandFailure } from './command-failure.js';
import { readAtMost } from './read-value.js';
import type { Terminal } from './terminal.js';

/** Thousands of the largest values. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * The text of a file, `-` for standard input. Throws a CommandFailure that names it as `what`, and repeats neither its
 * path, which may be a value that was meant for standard input, nor its text.
 */
export async function readTextFile(
  file: string,
  what: string,
  terminal: Terminal,
): Promise<string> {
  const bytes =
    file === '-' ? await readAtMost(terminal.stdin, MAX_FILE_BYTES) : await read(file, what);
  if (bytes.length > MAX_FILE_BYTES) throw new CommandFailure(`${what} is larger than 64 MiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CommandFailure(`${what} is not text in UTF-8`);
  }
}

async function read(path: string, what: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      return await readAtMost(file.createReadStream({ autoClose: false }), MAX_FILE_BYTES);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(`${what} cannot be read (${code})`);
  }
}
