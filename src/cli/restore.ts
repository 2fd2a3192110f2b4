import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';

interface RestoreOptions extends ConfirmOptions {
  readonly rootKeyFile?: string;
}

/** `keyferry restore`: works on the data folder, with the server stopped. */
export function addRestore(registry: Registry): void {
  addCommand<RestoreOptions>(registry, {
    usage: 'restore <file>',
    summary: 'make a data folder out of a backup, with the server stopped',
    example: 'restore keyferry-2026-11-21.backup --data-dir ./data --root-key-file master.key',
    notes: ['It needs the root key that was in use when the backup was taken.'],
    options: [
      new Option('--root-key-file <file>', 'the root key (KEYFERRY_ROOT_KEY_FILE)'),
      yesOption(),
    ],
    async act(session, options, backupFile) {
      const { dataDir, terminal, json, ports } = session;
      await confirm(session, options, `Restore ${backupFile} into ${dataDir}?`);
      const restored = await ports.maintenance.restore({
        dataDir,
        backupFile,
        rootKeyFile: options.rootKeyFile,
      });
      if (json) return terminal.json({ dataDir, ...restored });
      terminal.print(
        `Restored ${restored.secrets} secrets with ${restored.versions} versions into ${dataDir}.`,
      );
      terminal.hint(`Check it: keyferry doctor --data-dir ${dataDir}`);
    },
  });
}
