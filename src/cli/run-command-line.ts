import type { Readable, Writable } from 'node:stream';
import { Command, CommanderError, Option } from 'commander';
import { AppError, nearestName, type Problem } from '../core/index.js';
import { openSession, type Registry } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import type { Variables } from './find-server.js';
import { addNouns } from './nouns.js';
import type { CommandLinePorts } from './ports.js';
import { looksLikeValue, refuseValuesInArguments } from './refuse-values.js';
import { Terminal } from './terminal.js';

export interface CommandLineInput {
  /** The words after `keyferry`. */
  readonly argv: readonly string[];
  readonly environment: Variables;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly nowMs: number;
}

/**
 * Runs one command line and gives its exit code: 0 done, 1 wrong usage or local failure, 2 the server
 * refused. Never throws; what went wrong is on standard error.
 */
export async function runCommandLine(
  input: CommandLineInput,
  ports: CommandLinePorts,
): Promise<ExitCode> {
  const variables = input.environment;
  // https://no-color.org: set and not empty, whatever it holds.
  const noColor = Boolean(variables.NO_COLOR) || variables.TERM === 'dumb';
  const terminal = new Terminal(input, noColor);
  let exitCode: ExitCode = 0;
  const program = buildProgram(ports, terminal);
  const registry: Registry = {
    parent: program,
    async run(command, act, checkVariables) {
      if (checkVariables) refuseUnknownVariables(await ports.unknownVariables(variables));
      const session = openSession(command.optsWithGlobals(), {
        terminal,
        ports,
        variables,
        nowMs: input.nowMs,
      });
      const outcome = await act(session);
      if (typeof outcome === 'number') exitCode = outcome;
    },
  };
  try {
    refuseValuesInArguments(input.argv);
    const asksForServe = input.argv.some((word) => word === 'serve' || word === 'completion');
    const settings = asksForServe ? await ports.serveSettings() : [];
    // Behind another option that word may be its value, and any command may follow.
    const named = input.argv.find((word) => word !== '--json');
    await addNouns(registry, settings, named);
    await program.parseAsync(helpLast(input.argv, program), { from: 'user' });
    return exitCode;
  } catch (error) {
    const failure = asFailure(error, program, input.argv);
    if (failure === undefined) return 0;
    if (input.argv.includes('--json')) terminal.failureJson(failure);
    else terminal.failure(failure);
    return failure.exitCode;
  }
}

/** The program with no commands yet: what every command takes, and how help is shown. */
export function buildProgram(ports: CommandLinePorts, terminal: Terminal): Command {
  return new Command('keyferry')
    .description('Reverse proxy that injects secrets into HTTP requests, so that apps hold none.')
    .version(ports.version, '--version', 'print the version')
    .addOption(new Option('--json', 'print JSON'))
    .addOption(
      new Option('--admin-url <url>', 'the admin API (KEYFERRY_ADMIN_URL; http://127.0.0.1:8081)'),
    )
    .addOption(new Option('--data-dir <folder>', 'the data folder (KEYFERRY_DATA_DIR; ./data)'))
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      // Messages of commander repeat arguments; `asFailure` makes safe ones.
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
The token of the admin API comes from KEYFERRY_ADMIN_TOKEN, KEYFERRY_ADMIN_TOKEN_FILE, or the file
admin-token in the data folder. Exit codes: 0 done, 1 wrong usage or local failure, 2 the server refused.

Example:
  keyferry secrets create stripe_api_key --environment production`,
    );
}

/** `help secrets create` as `secrets create --help`: commander's own help goes one noun deep. */
function helpLast(argv: readonly string[], program: Command): string[] {
  const [first, ...words] = argv;
  if (first !== 'help' || words.length < 2) return [...argv];
  const { path } = commandOf(program, words);
  return path.length === words.length ? [...words, '--help'] : [...argv];
}

/** A misspelt variable would be ignored in silence, and another token or server used. */
function refuseUnknownVariables(problems: readonly Problem[]): void {
  const [first, ...more] = problems.map(({ path, nearest }) =>
    nearest === undefined
      ? `unknown variable ${path}`
      : `unknown variable ${path}; did you mean ${nearest}?`,
  );
  if (first !== undefined) throw new CommandFailure(first, { hints: more });
}

/** Translates what was thrown. Undefined: help or the version was shown. */
function asFailure(
  error: unknown,
  program: Command,
  argv: readonly string[],
): CommandFailure | undefined {
  if (error instanceof CommandFailure) return error;
  if (error instanceof AppError) {
    return new CommandFailure(error.message, { code: error.code, problems: error.problems });
  }
  if (error instanceof CommanderError) return usageFailure(error, program, argv);
  // A foreign message could hold anything; the place says enough to report it.
  const place = error instanceof Error ? (error.stack ?? '').split('\n    at ')[1] : undefined;
  const name = error instanceof Error ? error.name : typeof error;
  return new CommandFailure(`an unexpected ${name}${place === undefined ? '' : ` at ${place}`}`, {
    hints: ['This is a mistake in Keyferry: please report it.'],
  });
}

function usageFailure(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): CommandFailure | undefined {
  const { command, path } = commandOf(program, argv);
  const help = `See: ${['keyferry', ...path].join(' ')} --help`;
  switch (error.code) {
    case 'commander.helpDisplayed':
    case 'commander.version':
      return undefined;
    case 'commander.help':
      if (argv[0] === 'help') return undefined;
      return new CommandFailure(
        path.length === 0 ? 'no command is given' : `${path.join(' ')} needs a verb`,
        { hints: [`One of: ${namesOf(command).join(', ')}`, help] },
      );
    case 'commander.unknownCommand': {
      const word = /'([^']*)'/.exec(error.message)?.[1] ?? '';
      return unknown('command', word, namesOf(command), help);
    }
    case 'commander.unknownOption': {
      const word = (/'([^']*)/.exec(error.message)?.[1] ?? '').split('=')[0] ?? '';
      return unknown('option', word, optionsOf(command), help);
    }
    case 'commander.excessArguments':
      return new CommandFailure(`too many arguments for ${path.join(' ')}`, {
        hints: [help, 'A value is never given as an argument.'],
      });
    default:
      return new CommandFailure(error.message.replace(/^error: /, ''), { hints: [help] });
  }
}

function unknown(
  what: 'command' | 'option',
  word: string,
  candidates: readonly string[],
  help: string,
): CommandFailure {
  const shown = looksLikeValue(word) || word.length > 40 ? '' : ` ${word}`;
  const nearest = nearestName(word, candidates);
  const question = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return new CommandFailure(`unknown ${what}${shown}${question}`, { hints: [help] });
}

/** The command that the words name, as far as they name one. */
function commandOf(
  program: Command,
  argv: readonly string[],
): { command: Command; path: string[] } {
  let command = program;
  const path: string[] = [];
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    path.push(word);
  }
  return { command, path };
}

function namesOf(command: Command): string[] {
  return command.commands.map((candidate) => candidate.name());
}

function optionsOf(command: Command): string[] {
  const options = [
    ...command.options,
    ...(command.parent?.parent ?? command.parent ?? command).options,
  ];
  return options.flatMap((option) => option.long ?? []);
}
