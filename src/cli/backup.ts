import { Option } from 'commander';
import { addCommand, type Registry, type Session } from './command.js';
import { requireNewFile, writeNewFile } from './write-new-file.js';

interface BackupOptions {
  readonly overwrite?: boolean;
}

/** `keyferry backup`: one encrypted file, taken while the server runs. */
export function addBackup(registry: Registry): void {
  addCommand<BackupOptions>(registry, {
    usage: 'backup <file>',
    summary: 'write an encrypted copy of everything to one file, while the server runs',
    example: 'backup keyferry-2026-11-21.backup',
    notes: [
      'The root key is not in it: keep that elsewhere. Without it nobody can read the backup.',
    ],
    options: [new Option('--overwrite', 'replace the file if it is there')],
    act: backup,
  });
}

async function backup(session: Session, options: BackupOptions, file: string): Promise<void> {
  const { terminal, json } = session;
  await requireNewFile(file, options.overwrite);
  const body = await session.api().download('POST', '/v1/backup');
  const bytes = await writeNewFile(file, body, 'backup');
  if (json) return terminal.json({ file, bytes });
  terminal.print(`Wrote ${file} (${bytes} bytes, encrypted).`);
  terminal.hint(
    `Bring it back, with the server stopped: keyferry restore ${file} --data-dir FOLDER`,
  );
}
