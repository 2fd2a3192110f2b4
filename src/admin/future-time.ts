import { AppError } from '../core/index.js';
import { fromTimestamp } from './wire-time.js';

/** Reads `expiresAt` of a body. Throws `invalid_request` for a time that has passed. */
export function futureTime(text: string | null | undefined, nowMs: number): number | undefined {
  if (text === undefined || text === null) return undefined;
  const atMs = fromTimestamp(text);
  if (atMs > nowMs) return atMs;
  const message = 'found a time in the past, expected one in the future';
  throw new AppError('invalid_request', `expiresAt: ${message}`, {
    problems: [{ path: 'expiresAt', message }],
  });
}
