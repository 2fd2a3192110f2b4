import type { Commands } from './commands.js';
import type { PortableError } from './error-across-threads.js';

/** How a database is to be opened. `shared`: others write it too; `inspect` takes no lock and changes nothing. */
export interface OpenRequest {
  readonly dataDir: string;
  readonly mode: 'own' | 'shared' | 'inspect';
  readonly createIfMissing: boolean;
  readonly migrationsFolder: string;
  readonly nowMs: number;
}

export interface CallMessage {
  readonly id: number;
  /** `close` is the last. */
  readonly command: keyof Commands | 'close';
  readonly argument: unknown;
  readonly nowMs: number;
}

export type AnswerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PortableError };

/** The answer to opening has this id. */
export const OPENED = 0;
