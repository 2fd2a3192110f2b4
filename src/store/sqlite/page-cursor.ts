import { AppError, type Page, type PageRequest } from '../../core/index.js';

const DEFAULT_LIMIT = 100;
const MAXIMUM_LIMIT = 1000;

/** How many rows a page holds. */
export function pageLimit({ limit = DEFAULT_LIMIT }: PageRequest): number {
  return Math.min(Math.max(Math.trunc(limit), 1), MAXIMUM_LIMIT);
}

/** Reads a cursor back. Throws `invalid_request` when it is none of ours. */
export function decodeCursor<T extends 'string' | 'number'>(
  cursor: string | undefined,
  type: T,
): (T extends 'string' ? string : number) | undefined {
  if (cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (typeof key === type) return key as T extends 'string' ? string : number;
  } catch {
    // Falls through: text that is not JSON is no cursor either.
  }
  throw foreignCursor();
}

/** For a cursor that is not of this list. */
export function foreignCursor(): AppError {
  return new AppError('invalid_request', 'The cursor is not one that a list answered with.', {
    problems: [
      { path: 'cursor', message: 'expected the nextCursor of an earlier page, in the same order' },
    ],
  });
}

/** Makes a page of rows that were read one beyond the limit. The cursor is the last row's key. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string | number,
  toItems: (rows: readonly Row[]) => readonly Item[],
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor =
    rows.length > limit && last !== undefined
      ? Buffer.from(JSON.stringify(keyOf(last))).toString('base64url')
      : null;
  return { items: toItems(shown), nextCursor };
}
