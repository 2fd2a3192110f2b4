import { createWriteStream } from 'node:fs';
import { rename, stat, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Option } from 'commander';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';

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
  if (options.overwrite !== true && (await exists(file))) {
    throw new CommandFailure(`${file} is there already: give another name, or --overwrite`);
  }
  const body = await session.api().download('POST', '/v1/backup');
  // A backup that was cut short must not look like one.
  const partial = `${file}.partial`;
  try {
    await pipeline(body, createWriteStream(partial, { mode: 0o600, flags: 'w', flush: true }));
    await rename(partial, file);
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'cut short';
    throw new CommandFailure(`the backup could not be written to ${file} (${code})`);
  }
  const { size: bytes } = await stat(file);
  if (json) return terminal.json({ file, bytes });
  terminal.print(`Wrote ${file} (${bytes} bytes, encrypted).`);
  terminal.hint(
    `Bring it back, with the server stopped: keyferry restore ${file} --data-dir FOLDER`,
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}
