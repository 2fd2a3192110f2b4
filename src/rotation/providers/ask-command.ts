import { credentialOf } from '../credential-of.js';
import { type ProviderCall, ProviderError, type ProviderFailure } from '../provider.js';
import { CommandRefused, guardCommand } from './guard-command.js';
import { isObject, readObject } from './read-answer.js';
import { type CommandEnd, runCommand } from './run-command.js';

interface Command {
  readonly executable: string;
  readonly args: readonly string[];
  readonly timeoutSeconds: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, string>>;
}

/** A failure that a command may name. */
const FAILURES: readonly ProviderFailure[] = [
  'refused',
  'throttled',
  'unavailable',
  'unknown',
  'spent',
  'in_use',
];

const LOOK = 'Run it by hand with the same input, and let it keep a log of its own.';

/**
 * Runs the command once, with an action and what belongs to it as JSON on standard input. Gives back what it answered
 * with `ok`. Throws what it named as failure, and `unknown` for what is no answer; texts of its own are not shown.
 */
export async function askCommand(
  call: ProviderCall<Command>,
  folder: string | undefined,
  action: string,
  members: Readonly<Record<string, unknown>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { config, secret, environment, signal } = call;
  const file = await allowed(folder, config.executable);
  const names = Object.keys(config.credentials);
  const credentials = Object.fromEntries(
    names.map((name) => [name, credentialOf(call, `credentials.${name}`)]),
  );
  const { settings } = config;
  const input = { version: 1, action, secret, environment, settings, credentials, ...members };
  const end = await runCommand({
    file: file.path,
    args: config.args,
    folder: file.folder,
    input: `${JSON.stringify(input)}\n`,
    timeoutMs: config.timeoutSeconds * 1000,
    signal,
  });
  return readEnd(end, config.timeoutSeconds, action === 'mint');
}

async function allowed(
  folder: string | undefined,
  executable: string,
): Promise<{ readonly path: string; readonly folder: string }> {
  if (folder === undefined) {
    throw new ProviderError('refused', 'Commands are off.', {
      whatToDo: 'Start Keyferry with --command-folder, the folder that such programs lie in.',
    });
  }
  try {
    return { path: await guardCommand(folder, executable), folder };
  } catch (error) {
    if (!(error instanceof CommandRefused)) throw error;
    const failure = error.isGone ? 'unavailable' : 'refused';
    throw new ProviderError(failure, `The command is not run: ${error.message}.`, {
      whatToDo: 'Put it right on the machine that Keyferry runs on.',
    });
  }
}

function readEnd(
  end: CommandEnd,
  timeoutSeconds: number,
  makes: boolean,
): Readonly<Record<string, unknown>> {
  // What makes nothing leaves nothing unknown behind.
  const failed = (failure: ProviderFailure, message: string, retryAfterMs?: number) =>
    new ProviderError(failure === 'unknown' && !makes ? 'unavailable' : failure, message, {
      whatToDo: LOOK,
      retryAfterMs,
    });
  if (!end.started) throw failed('unavailable', `The command cannot be run (${end.code}).`);
  if (end.end === 'timeout') {
    const message = `The command took longer than ${timeoutSeconds} s and was killed.`;
    throw failed('unknown', message);
  }
  if (end.end === 'broken_off') throw failed('unknown', 'The command was broken off.');
  if (end.end === 'too_much') throw failed('unknown', 'The command wrote too much and was killed.');
  const how = end.exitCode === null ? 'by a signal' : `with code ${end.exitCode}`;
  const answer = readObject(end.output);
  if (isObject(answer?.error)) {
    const { failure, retryAfterSeconds } = answer.error;
    const named = FAILURES.find((each) => each === failure);
    if (named === undefined) throw failed('unknown', 'The command names a failure that is none.');
    const waitMs = typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1000 : undefined;
    throw failed(named, `The command answers that it is ${named.replace('_', ' ')}.`, waitMs);
  }
  if (answer?.ok === true && end.exitCode === 0) return answer;
  const what = answer === undefined ? 'is no JSON object' : 'says neither "ok" nor "error"';
  throw failed(
    'unknown',
    `The command ended ${how}; what it wrote to standard output (${end.output.length} bytes) ${what}. Standard error: ${end.errorBytes} bytes.`,
  );
}
