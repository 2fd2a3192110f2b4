/** Composition root of the command line: hands the rooms' work to the commands as ports. */
import { readFileSync } from 'node:fs';
import { type CommandLinePorts, runCommandLine } from './cli/index.js';
import { loadSettings, parseRoutesText, SETTINGS, type SettingRow } from './config/index.js';

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };
const rows: readonly SettingRow[] = SETTINGS;

const ports: CommandLinePorts = {
  version,
  serveSettings: rows
    .filter(({ readBy }) => readBy === 'server')
    .map((row) => ({ ...row, repeats: row.kind === 'environments' })),
  async startServer(flags, io) {
    const settings = loadSettings({ flags, environment: process.env });
    // The server brings the database and the proxy along; commands that only talk to one do without.
    const { startServer } = await import('./server.js');
    return startServer(settings, io);
  },
  untilStopSignal,
  maintenance: {
    async rekey(options) {
      const { rekey } = await import('./maintenance.js');
      return rekey(options);
    },
    async restore(options) {
      const { restore } = await import('./maintenance.js');
      return restore(options);
    },
    async doctor(options) {
      const { doctor } = await import('./maintenance.js');
      return doctor(options);
    },
  },
  readRoutes: async (text, fileName) => parseRoutesText(text, fileName),
};

process.exitCode = await runCommandLine(
  {
    argv: process.argv.slice(2),
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    nowMs: Date.now(),
  },
  ports,
);

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function untilStopSignal(): Promise<string> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      resolve(signal);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
