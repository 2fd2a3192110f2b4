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

export interface Force {
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

/**
 * Asks, then does what the server refuses while it is in use, with the force that was asked for. Throws a
 * CommandFailure that says how to force it, where that would help.
 */
export async function confirmAndForce<T>(
  session: Session,
  options: ForceOptions,
  question: string,
  act: (force: Force) => Promise<T>,
): Promise<T> {
  const force = forceOf(options);
  await confirm(session, options, question);
  try {
    return await act(force);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== 'in_use') throw error;
    const { message, exitCode, code, problems } = error;
    const hints = ['If it must be, say it again with: --force --reason TEXT'];
    throw new CommandFailure(message, { exitCode, code, problems, hints });
  }
}

/** The force that was asked for, as the API takes it. Throws when the reason is missing or alone. */
function forceOf(options: ForceOptions): Force {
  if (options.force !== true) {
    if (options.reason !== undefined) throw new CommandFailure('--reason needs --force');
    return {};
  }
  if (options.reason === undefined || options.reason.trim() === '') {
    throw new CommandFailure('--force needs --reason TEXT: it is kept in the audit log');
  }
  return { force: true, reason: options.reason };
}
