import { createHash } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AppError } from '../core/index.js';

export interface WatchRoutesOptions {
  readonly file: string;
  /** Takes a changed text. A rejection counts as "not taken": the same text is offered again on `reload`. */
  readonly onText: (text: string) => Promise<void>;
  /** Hears why a file could not be read (`routes_invalid`), and what `onText` rejected with. */
  readonly onError: (error: unknown) => void;
  /** How often the file's status is looked at; 1,000 ms by default. */
  readonly intervalMs?: number | undefined;
}

export interface RoutesWatcher {
  /**
   * Reads the file now, and hands its text on unless it is the one that was taken last. Never rejects:
   * what goes wrong goes to `onError`. Also how the first text is got.
   */
  reload(): Promise<void>;
  /** Stops watching, and waits for a reload under way. */
  close(): Promise<void>;
}

/**
 * Watches a routes file by its status, not by events: replacing it by rename, swapping a symlink above it
 * (as Kubernetes does) and network file systems are all seen. Texts are handed on one at a time.
 */
export function watchRoutesFile(options: WatchRoutesOptions): RoutesWatcher {
  const { file, onText, onError, intervalMs = 1000 } = options;
  let takenHash: string | undefined;
  let queue = Promise.resolve();

  const readOnce = async (): Promise<void> => {
    try {
      const text = await readText(file);
      const hash = createHash('sha256').update(text).digest('base64');
      if (hash === takenHash) return;
      await onText(text);
      takenHash = hash;
    } catch (error) {
      onError(error);
    }
  };
  const reload = (): Promise<void> => {
    queue = queue.then(readOnce);
    return queue;
  };
  const onStatus = (): void => {
    void reload();
  };
  watchFile(file, { interval: intervalMs, persistent: false }, onStatus);
  return {
    reload,
    close() {
      unwatchFile(file, onStatus);
      return queue;
    },
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const message = `The routes file ${file} cannot be read (${code}).`;
    throw new AppError('routes_invalid', message, { cause });
  }
}
