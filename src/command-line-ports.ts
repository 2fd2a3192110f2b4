import { createRequire } from 'node:module';
import type { CommandLinePorts, DataFolder } from './cli/index.js';
import type { RootKeySource, SettingRow } from './config/index.js';

const { version } = createRequire(import.meta.url)('keyferry/package.json') as { version: string };
const clock = { now: Date.now };

/** Known without loading the settings; most shells set no others. */
const USUAL_VARIABLES = new Set([
  'KEYFERRY_ADMIN_URL',
  'KEYFERRY_ADMIN_TOKEN',
  'KEYFERRY_ADMIN_TOKEN_FILE',
  'KEYFERRY_DATA_DIR',
]);

/**
 * What commands need of the other rooms, where these variables are set. Rooms are loaded by the commands that need
 * them: most only talk to a server, and start faster so.
 */
export function commandLinePorts(
  environment: Readonly<Record<string, string | undefined>>,
): CommandLinePorts {
  const rootKeyOf = async ({ dataDir, rootKeyFile }: DataFolder): Promise<RootKeySource> => {
    const { loadSettings } = await import('./config/index.js');
    const flags = { '--data-dir': dataDir, '--root-key-file': rootKeyFile };
    return loadSettings({ flags, environment }).rootKey;
  };
  return {
    version,
    async unknownVariables(variables) {
      const isUsual = (name: string): boolean =>
        !name.startsWith('KEYFERRY_') || USUAL_VARIABLES.has(name);
      if (Object.keys(variables).every(isUsual)) return [];
      const { unknownVariables } = await import('./config/index.js');
      return unknownVariables(variables);
    },
    async serveSettings() {
      const { SETTINGS } = await import('./config/index.js');
      const rows: readonly SettingRow[] = SETTINGS;
      return rows
        .filter(({ readBy }) => readBy === 'server')
        .map((row) => ({ ...row, repeats: row.kind === 'environments' }));
    },
    async startServer(flags, io, stopping) {
      const { loadSettings } = await import('./config/index.js');
      const settings = loadSettings({ flags, environment });
      const { startServer } = await import('./server.js');
      return startServer(settings, io, stopping);
    },
    untilStopSignal,
    maintenance: {
      async rekey(folder, newRootKey, onProgress) {
        const { rekey } = await import('./maintenance.js');
        const { dataDir } = folder;
        return rekey({ dataDir, rootKey: await rootKeyOf(folder), newRootKey, clock, onProgress });
      },
      async restore(folder, file) {
        const { restore } = await import('./maintenance.js');
        return restore({ file, dataDir: folder.dataDir, rootKey: await rootKeyOf(folder), clock });
      },
      async recoverAdmin(folder) {
        const { recoverAdmin } = await import('./maintenance.js');
        const { dataDir } = folder;
        return recoverAdmin({ dataDir, rootKey: await rootKeyOf(folder), clock });
      },
      async acceptRows(folder) {
        const { acceptRows } = await import('./maintenance.js');
        const { dataDir } = folder;
        return acceptRows({ dataDir, rootKey: await rootKeyOf(folder), clock });
      },
      async doctor(folder) {
        const { doctor } = await import('./maintenance.js');
        return doctor({ dataDir: folder.dataDir, rootKey: await rootKeyOf(folder), clock });
      },
    },
    async verifySignature(text, signature, publicKey) {
      const { verifySignature } = await import('./crypto/index.js');
      return verifySignature(text, signature, publicKey);
    },
    import: {
      envFile: async (text) => (await import('./import/index.js')).readEnvFile(text),
      jsonFile: async (text, byEnvironment) =>
        (await import('./import/index.js')).readJsonFile(text, byEnvironment),
      vault: async (location) => (await import('./import/index.js')).readVault(location),
      awsSecrets: async (location) => (await import('./import/index.js')).readAwsSecrets(location),
    },
    async readRoutes(text, fileName) {
      const { parseRoutesText } = await import('./config/index.js');
      return parseRoutesText(text, fileName);
    },
    async replaceSecrets(text, fileName, replacements) {
      const { replaceSecretsInText } = await import('./config/index.js');
      return replaceSecretsInText(text, fileName, replacements);
    },
  };
}

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
