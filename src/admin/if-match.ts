import { AppError } from '../core/index.js';

const ENTITY_TAG = /^(?:W\/)?"(0|[1-9][0-9]{0,8})"$|^(0|[1-9][0-9]{0,8})$/;

/**
 * The revision in an `If-Match` header (RFC 9110 section 13.1.1); undefined when there is none or it is `*`.
 * Throws `invalid_request` for anything that was never an ETag of ours.
 */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const match = ENTITY_TAG.exec(header.trim());
  if (match !== null) return Number(match[1] ?? match[2]);
  throw new AppError(
    'invalid_request',
    'The header If-Match must be the ETag of GET /v1/routes, such as "3" with its quotes.',
  );
}
