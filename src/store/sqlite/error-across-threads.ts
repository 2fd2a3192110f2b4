import { AppError, type ErrorCode, type Problem } from '../../core/index.js';

/** An `AppError` as it crosses between threads: its cause stays behind. */
export interface PortableError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly problems: readonly Problem[];
  readonly retryAfterSeconds: number | undefined;
}

export function toPortable(error: unknown): PortableError {
  const { code, message, problems, retryAfterSeconds } = translateError(error);
  return { code, detail: message, problems, retryAfterSeconds };
}

export function fromPortable({
  code,
  detail,
  problems,
  retryAfterSeconds,
}: PortableError): AppError {
  return new AppError(code, detail, {
    problems,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** By the start of SQLite's extended result codes (https://sqlite.org/rescode.html). */
const MEANINGS: readonly [prefix: string, code: ErrorCode, detail: string][] = [
  ['SQLITE_FULL', 'store_unavailable', 'The disk is full: the database could not be written.'],
  ['SQLITE_BUSY', 'store_unavailable', 'Another program holds the database locked.'],
  ['SQLITE_LOCKED', 'store_unavailable', 'Another program holds the database locked.'],
  ['SQLITE_READONLY', 'store_unavailable', 'The database cannot be written: it is read-only.'],
  ['SQLITE_IOERR', 'store_unavailable', 'The disk failed while the database was used.'],
  ['SQLITE_CANTOPEN', 'store_unavailable', 'A file of the database cannot be opened.'],
  ['SQLITE_NOMEM', 'store_unavailable', 'There is not enough memory for the database.'],
  ['SQLITE_CORRUPT', 'database_corrupt', 'The database file is damaged. Restore it from a backup.'],
  ['SQLITE_NOTADB', 'database_corrupt', 'keyferry.db is not a database. Restore it from a backup.'],
];

/** Translates what SQLite and the file system throw, by code. Anything unknown is `internal_error`. */
export function translateError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const meaning = MEANINGS.find(([prefix]) => code.startsWith(prefix));
  if (meaning !== undefined) return new AppError(meaning[1], meaning[2], { cause: error });
  if (['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES', 'EMFILE'].includes(code)) {
    return new AppError('store_unavailable', `The data folder cannot be used (${code}).`, {
      cause: error,
    });
  }
  return new AppError('internal_error', `The store failed${code === '' ? '' : ` (${code})`}.`, {
    cause: error,
  });
}

/** Whether a UNIQUE rule refused the statement. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_CONSTRAINT_UNIQUE';
}
