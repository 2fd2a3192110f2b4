import { type ErrorCode, errorTable } from '../core/index.js';

/** By HTTP status; the gRPC project's own table for proxies, made finer where more is known. */
const BY_STATUS: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 12, // UNIMPLEMENTED
  405: 12,
  408: 4, // DEADLINE_EXCEEDED
  413: 8, // RESOURCE_EXHAUSTED
  429: 8,
  431: 8,
  500: 13, // INTERNAL
  502: 14, // UNAVAILABLE
  503: 14,
  504: 4,
};

/** What a gRPC client is told about an error of Keyferry's own. */
export function grpcStatusOf(code: ErrorCode): number {
  // Not UNAVAILABLE, which asks the client to try again.
  if (code === 'upstream_address_denied' || code === 'echo_blocked') return 9;
  return BY_STATUS[errorTable[code].status] ?? 2;
}
