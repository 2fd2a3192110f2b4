import { Option } from 'commander';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';

export interface ConfirmOptions {
  readonly yes?: boolean;
}

export interface ForceOptions extends ConfirmOptions {
  readonly force?: boolean;
  readonly reason?: string;
}

/** `--yes`, for what cannot be taken back. */
export const yesOption = (): Option => new Option('-y, --yes', 'do not ask');

/** `--force --reason TEXT`, for what the server refuses while it is in use. */
export const forceOptions = (): Option[] => [
  new Option('--force', 'do it although it is in use; needs --reason'),
  new Option('--reason <text>', 'why it is forced; kept in the audit log'),
];

/** Asks before a destructive act. Without a terminal to ask at, `--yes` must be given. */
export async function confirm(
  session: Session,
  options: ConfirmOptions,
  question: string,
): Promise<void> {
  if (options.yes === true) return;
  if (session.json || !session.terminal.isInteractive) {
    throw new CommandFailure(`${question} Nobody is there to ask: give --yes to go on`);
  }
  if (!(await session.terminal.askYes(question))) {
    throw new CommandFailure('cancelled: nothing was changed');
  }
}

/** The force that was asked for, as the API takes it. Throws when the reason is missing or alone. */
export function forceOf(options: ForceOptions): { force?: boolean; reason?: string } {
  if (options.force !== true) {
    if (options.reason !== undefined) throw new CommandFailure('--reason needs --force');
    return {};
  }
  if (options.reason === undefined || options.reason.trim() === '') {
    throw new CommandFailure('--force needs --reason TEXT: it is kept in the audit log');
  }
  return { force: true, reason: options.reason };
}
