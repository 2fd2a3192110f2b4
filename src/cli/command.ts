import { type Command, Option } from 'commander';
import { ApiClient } from './api-client.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { findDataDir, findServer, type ServerOptions, type Variables } from './find-server.js';
import type { CommandLinePorts } from './ports.js';
import type { Terminal } from './terminal.js';

/** What one command has at hand while it runs. */
export interface Session {
  readonly terminal: Terminal;
  readonly ports: CommandLinePorts;
  /** Print JSON instead of text. */
  readonly json: boolean;
  readonly dataDir: string;
  readonly variables: Variables;
  readonly nowMs: number;
  /** The admin API. Throws a CommandFailure when there is no token to show it. */
  api(): ApiClient;
}

/** Where commands are hung up: the parent and what makes a session of the options given. */
export interface Registry {
  readonly parent: Command;
  run(
    command: Command,
    act: (session: Session) => Promise<ExitCode> | Promise<void>,
    /** False: do not look for misspelt variables. */
    checkVariables: boolean,
  ): Promise<void>;
}

export interface CommandSpecification<O> {
  /** `add <name>`. */
  readonly usage: string;
  readonly summary: string;
  /** A command line that works, without the leading `keyferry`. */
  readonly example: string;
  readonly notes?: readonly string[];
  readonly options?: readonly Option[];
  /** Runs where its noun stands alone. */
  readonly isDefault?: boolean;
  /** False where the command reads no variables, or says itself what is wrong with them. */
  readonly checkVariables?: boolean;
  /** `args` are those of `usage`, in order; a variadic one is not supported. */
  act(session: Session, options: O, ...args: string[]): Promise<ExitCode> | Promise<void>;
}

/** Adds one command with its help and its example. */
export function addCommand<O>(registry: Registry, specification: CommandSpecification<O>): Command {
  const { usage, summary, isDefault = false } = specification;
  const command = registry.parent.command(usage, { isDefault }).description(summary);
  for (const option of specification.options ?? []) command.addOption(option);
  const notes = (specification.notes ?? []).map((note) => `\n${note}`).join('');
  command.addHelpText('after', `${notes}\n\nExample:\n  keyferry ${specification.example}`);
  command.action(async () => {
    const args = command.processedArgs.map((argument) => String(argument ?? ''));
    await registry.run(
      command,
      (session) => specification.act(session, command.opts<object>() as O, ...args),
      specification.checkVariables ?? true,
    );
  });
  return command;
}

/** Adds a noun, under which verbs are added with the registry that it gives. */
export function addNoun(registry: Registry, name: string, summary: string): Registry {
  const parent = registry.parent.command(name).description(summary);
  return { ...registry, parent };
}

export interface SessionSources {
  readonly terminal: Terminal;
  readonly ports: CommandLinePorts;
  readonly variables: Variables;
  readonly nowMs: number;
}

/** Makes a session of the options that every command takes. */
export function openSession(
  options: ServerOptions & { readonly json?: boolean },
  { terminal, ports, variables, nowMs }: SessionSources,
): Session {
  let client: ApiClient | undefined;
  return {
    terminal,
    ports,
    json: options.json === true,
    dataDir: findDataDir(options, variables),
    variables,
    nowMs,
    api() {
      client ??= new ApiClient({ ...findServer(options, variables), version: ports.version });
      return client;
    },
  };
}

/** An option that may be given several times; its values are gathered in an array. */
export function repeated(flags: string, description: string): Option {
  return new Option(flags, description).argParser(
    (value: string, before: string[] | undefined): string[] => [...(before ?? []), value],
  );
}

/** An option that takes a whole number of at least `minimum`. */
export function wholeNumber(flags: string, description: string, minimum = 1): Option {
  return new Option(flags, description).argParser((value: string): number =>
    parseWholeNumber(value, flags.split(' ')[0] ?? flags, minimum),
  );
}

/** Reads a whole number; `place` names the option or argument in the failure. */
export function parseWholeNumber(text: string, place: string, minimum = 1): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= minimum)) {
    throw new CommandFailure(`${place} takes a whole number of at least ${minimum}`);
  }
  return number;
}

/** The one environment that a command works on. */
export function environmentOption(summary = 'the environment it works on'): Option {
  return new Option('-e, --environment <name>', summary).makeOptionMandatory();
}
