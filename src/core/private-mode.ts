import { AppError } from './errors.js';

/** Everything that group and others could have. */
const OTHERS = 0o077;

/**
 * Refuses a private file or folder that anyone but its owner may touch. `mode` is `st_mode`.
 * Throws `permissions_loose`, with the line that mends it.
 */
export function requirePrivateMode(path: string, mode: number, kind: 'file' | 'folder'): void {
  if ((mode & OTHERS) === 0) return;
  const found = (mode & 0o777).toString(8).padStart(4, '0');
  const expected = kind === 'file' ? '0600' : '0700';
  throw new AppError(
    'permissions_loose',
    `${path} has mode ${found}: others on this machine may reach what is private. Expected ${expected}: chmod ${expected.slice(1)} ${path}`,
  );
}
