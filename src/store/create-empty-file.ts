import { open } from 'node:fs/promises';
import { AppError } from '../core/index.js';

/** Creates a new 0600 file. Throws `store_unavailable`, also when there is one already. */
export async function createEmptyFile(file: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.close();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new AppError('store_unavailable', `${file} cannot be created${code}.`, { cause });
  }
}
