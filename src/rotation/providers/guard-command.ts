import { constants } from 'node:fs';
import { access, lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, sep } from 'node:path';

/** Writable by its group or by all. */
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Why a program is not run, in words for a person. */
export class CommandRefused extends Error {
  /** Whether it is merely not there (now). */
  readonly isGone: boolean;

  constructor(message: string, isGone = false) {
    super(message);
    this.isGone = isGone;
  }
}

/**
 * The real path of a program that lies in `folder`, if nobody but the server's own user and root can have put it there
 * or can replace it: neither the file nor any folder above it is writable by others (a sticky one such as /tmp may be).
 * Throws `CommandRefused`.
 */
export async function guardCommand(folder: string, executable: string): Promise<string> {
  const [realFolder, realFile] = await Promise.all([
    resolved(folder, 'the command folder'),
    resolved(executable, 'the executable'),
  ]);
  if (!isBelow(realFolder, realFile)) {
    throw new CommandRefused('the executable lies, or leads by a link, outside the command folder');
  }
  const file = await lstat(realFile);
  if (!file.isFile()) throw new CommandRefused('the executable is no file');
  requireOwn(file, 'the executable');
  if ((file.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new CommandRefused('the executable is writable by others: chmod go-w');
  }
  await requireOwnFolders(realFile);
  try {
    await access(realFile, constants.X_OK);
  } catch {
    throw new CommandRefused('the executable may not be run: chmod u+x');
  }
  return realFile;
}

/** Whether a path lies below a folder, as both are written. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function resolved(path: string, what: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    throw new CommandRefused(`${what} is not there, or may not be looked at`, true);
  }
}

async function requireOwnFolders(file: string): Promise<void> {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const stats = await lstat(folder);
    const isSticky = (stats.mode & STICKY) !== 0;
    requireOwn(stats, 'a folder above the executable');
    if ((stats.mode & WRITABLE_BY_OTHERS) !== 0 && !isSticky) {
      throw new CommandRefused('a folder above the executable is writable by others: chmod go-w');
    }
    if (folder === dirname(folder)) return;
  }
}

function requireOwn({ uid }: { readonly uid: number }, what: string): void {
  if (uid === 0 || uid === process.geteuid?.()) return;
  throw new CommandRefused(`${what} belongs to another user: chown it to root`);
}
