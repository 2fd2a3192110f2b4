import type { Problem } from '../core/index.js';

/** 0 done, 1 wrong usage or local failure, 2 the server refused (also: `status --check` found one overdue). */
export type ExitCode = 0 | 1 | 2;

export interface CommandFailureOptions {
  readonly exitCode?: ExitCode;
  /** The server's error code, where it gave one. */
  readonly code?: string | undefined;
  readonly problems?: readonly Problem[];
  /** What to do next; one line each. */
  readonly hints?: readonly string[];
}

/** Ends a command: the message is printed as it is, so it never holds a value. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly code: string | undefined;
  readonly problems: readonly Problem[];
  readonly hints: readonly string[];

  constructor(message: string, options: CommandFailureOptions = {}) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = options.exitCode ?? 1;
    this.code = options.code;
    this.problems = options.problems ?? [];
    this.hints = options.hints ?? [];
  }
}
