import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';
import { describeMoment } from './describe-time.js';

/** `keyferry restore`: makes a data folder, without a server. */
export function addRestore(registry: Registry): void {
  addCommand<{ readonly rootKeyFile?: string }>(registry, {
    usage: 'restore <file>',
    summary: 'put the database of a backup into an empty data folder',
    example: 'restore keyferry-2026-11-21.backup --data-dir ./restored --root-key-file master.key',
    notes: ['It needs the root key that was in use when the backup was taken.'],
    options: [new Option('--root-key-file <file>', 'the root key (KEYFERRY_ROOT_KEY_FILE)')],
    async act({ dataDir, terminal, json, ports }, { rootKeyFile }, backupFile) {
      const restored = await ports.maintenance.restore({ dataDir, rootKeyFile }, backupFile);
      const createdAt = new Date(restored.createdAtMs).toISOString();
      if (json) return terminal.json({ dataDir, createdAt });
      terminal.print(`Restored the backup of ${describeMoment(createdAt)} into ${dataDir}.`);
      const key = rootKeyFile === undefined ? '' : ` --root-key-file ${rootKeyFile}`;
      terminal.hint(`Check it: keyferry doctor --data-dir ${dataDir}${key}`);
    },
  });
}
