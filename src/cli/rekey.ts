import { Option } from 'commander';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import type { NewRootKey } from './ports.js';
import { readValue } from './read-value.js';

interface RekeyOptions {
  readonly rootKeyFile?: string;
  readonly newRootKeyFile?: string;
  readonly newPassphrase?: boolean;
}

/** `keyferry rekey`: works on the data folder, with the server stopped. */
export function addRekey(registry: Registry): void {
  addCommand<RekeyOptions>(registry, {
    usage: 'rekey',
    summary: 'put everything under a new root key, with the server stopped',
    example: 'rekey --data-dir ./data',
    notes: [
      'Values are not touched; their keys are wrapped anew. It may be killed at any point: run it again.',
    ],
    options: [
      new Option('--root-key-file <file>', 'the root key in use (KEYFERRY_ROOT_KEY_FILE)'),
      new Option(
        '--new-root-key-file <file>',
        'the new root key (default: a random one, in the place of the old one)',
      ),
      new Option(
        '--new-passphrase',
        'derive the new root key from a passphrase, given on standard input or at a hidden prompt',
      ),
    ],
    async act(session, options) {
      const { dataDir, terminal, json, ports } = session;
      const { rootKeyFile } = options;
      const newRootKey = await newRootKeyOf(session, options);
      const done = await ports.maintenance.rekey({ dataDir, rootKeyFile }, newRootKey, (progress) =>
        terminal.hint(`${progress.rewrapped} keys wrapped anew`),
      );
      if (json) return terminal.json({ dataDir, ...done });
      const resumed = done.resumed ? ', going on where it was interrupted' : '';
      terminal.print(`Everything is under root key ${done.rootKeyId}${resumed}.`);
      if (done.oldRootKeyFile !== undefined) {
        terminal.hint(`The old one is in ${done.oldRootKeyFile}: backups taken before need it.`);
      }
    },
  });
}

async function newRootKeyOf(
  { terminal }: Session,
  { newRootKeyFile, newPassphrase }: RekeyOptions,
): Promise<NewRootKey | undefined> {
  if (newPassphrase !== true) {
    return newRootKeyFile === undefined ? undefined : { type: 'file', file: newRootKeyFile };
  }
  if (newRootKeyFile !== undefined) {
    throw new CommandFailure('give only one of --new-root-key-file and --new-passphrase');
  }
  const given = await readValue({}, 'the new passphrase', terminal);
  return given.type === 'single' ? { type: 'passphrase', passphrase: given.value } : undefined;
}
