import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';

interface RekeyOptions {
  readonly rootKeyFile?: string;
  readonly newRootKeyFile?: string;
}

/** `keyferry rekey`: works on the data folder, with the server stopped. */
export function addRekey(registry: Registry): void {
  addCommand<RekeyOptions>(registry, {
    usage: 'rekey',
    summary: 'put everything under a new root key, with the server stopped',
    example: 'rekey --data-dir ./data',
    notes: [
      'Values are not touched; their keys are wrapped anew. It may be interrupted at any point: run it again.',
    ],
    options: [
      new Option('--root-key-file <file>', 'the present root key (KEYFERRY_ROOT_KEY_FILE)'),
      new Option('--new-root-key-file <file>', 'the new root key (default: a new one is made)'),
    ],
    async act({ dataDir, terminal, json, ports }, { rootKeyFile, newRootKeyFile }) {
      const done = await ports.maintenance.rekey({ dataDir, rootKeyFile, newRootKeyFile });
      if (json) return terminal.json({ dataDir, ...done });
      terminal.print(`Wrapped ${done.keys} keys anew. The root key is now in ${done.rootKeyFile}.`);
      terminal.hint(
        'Backups taken before need the old root key: keep it as long as you keep them.',
      );
    },
  });
}
