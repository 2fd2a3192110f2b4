import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';
import type { ServeFlags, ServeSetting } from './ports.js';

/** `keyferry serve`: its options are the settings of the server. */
export function addServe(registry: Registry, settings: readonly ServeSetting[]): void {
  const everywhere = new Set(registry.parent.options.map((option) => option.long));
  const options = new Map(
    settings.flatMap((setting) =>
      setting.flag === undefined ? [] : [optionOf(setting.flag, setting)],
    ),
  );
  const variablesOnly = settings.filter((setting) => setting.flag === undefined);
  const command = addCommand(registry, {
    usage: 'serve',
    summary: 'start the proxy and the admin API',
    example: 'serve --data-dir ./data --routes routes.json',
    notes: [
      'Flags come before environment variables, these before the file of --config, this before defaults.',
      ...variablesOnly.map(describeVariable),
      'SIGHUP reads the routes file again; SIGTERM and SIGINT end requests under way, then stop.',
    ],
    options: [...options].flatMap(([flag, option]) => (everywhere.has(flag) ? [] : [option])),
    // Reading the settings finds everything that is wrong with them at once.
    checkVariables: false,
    async act({ terminal, ports }) {
      const given = command.optsWithGlobals<Readonly<Record<string, unknown>>>();
      const flags: Record<string, ServeFlags[string]> = {};
      for (const [flag, option] of options) {
        const value = given[option.attributeName()];
        if (value !== undefined) flags[flag] = value as ServeFlags[string];
      }
      // Before anything says that it is ready: who reads that may stop it at once.
      const stopSignal = ports.untilStopSignal();
      const stopping = new AbortController();
      void stopSignal.then((signal) => stopping.abort(signal));
      const io = {
        say: (line: string) => terminal.print(line),
        warn: (line: string) => terminal.warn(line),
      };
      const server = await ports.startServer(flags, io, stopping.signal).catch((error: unknown) => {
        if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
        return undefined;
      });
      const signal = await stopSignal;
      if (server === undefined) return terminal.hint(`${signal}: the start was given up`);
      terminal.hint(`${signal}: ending requests under way`);
      await server.close();
    },
  });
}

function optionOf(flag: string, setting: ServeSetting): [flag: string, option: Option] {
  const { takes, description, variable, repeats } = setting;
  const source = setting.default === undefined ? variable : `${variable}; ${setting.default}`;
  const placeholder =
    takes === undefined ? '' : ` <${takes.replace('…', '')}${repeats ? '...' : ''}>`;
  return [flag, new Option(`${flag}${placeholder}`, `${description} [${source}]`)];
}

function describeVariable({ variable, fileVariable, description }: ServeSetting): string {
  const names = fileVariable === undefined ? variable : `${variable} or ${fileVariable}`;
  return `${names}: ${description}`;
}
