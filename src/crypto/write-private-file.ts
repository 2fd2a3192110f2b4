import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../core/index.js';

/**
 * Writes a new 0600 file that is either there whole or not at all: written beside, synced, renamed, and the
 * folder synced. The caller knows that `file` does not exist (it holds the data folder's lock). Throws
 * `data_folder_unusable`.
 */
export async function writePrivateFile(file: string, content: string): Promise<void> {
  try {
    await writeWhole(file, content);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new AppError('data_folder_unusable', `${file} cannot be written${code}.`, { cause });
  }
}

async function writeWhole(file: string, content: string): Promise<void> {
  const temporary = `${file}.tmp`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncFolder(dirname(file));
}

/** Makes renames and new names in a folder survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
