import { AppError } from '../core/index.js';

const ENTITY_TAG = /^(?:W\/)?"(0|[1-9][0-9]{0,14})"$|^(0|[1-9][0-9]{0,14})$/;

/** The `ETag` of what has this number: a revision, or the time of its last change. */
export function etag(number: number): Record<string, string> {
  return { ETag: `"${number}"` };
}

/**
 * The number in an `If-Match` header (RFC 9110 section 13.1.1); undefined when there is none or it is `*`.
 * Throws `invalid_request` for anything that was never an ETag of ours.
 */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const match = ENTITY_TAG.exec(header.trim());
  if (match !== null) return Number(match[1] ?? match[2]);
  throw new AppError(
    'invalid_request',
    'The header If-Match must be the ETag of what is to be changed, as its GET answers, such as "3" with its quotes.',
  );
}
