import { z } from '@hono/zod-openapi';

/** A point in time as answers show it: RFC 3339, UTC. */
export const Timestamp = z.iso
  .datetime()
  .openapi({ example: '2026-11-20T09:30:00.000Z', description: 'RFC 3339, UTC' });

/** A point in time as bodies give it: RFC 3339 with any offset. */
export const TimestampInput = z.iso
  .datetime({ offset: true })
  .openapi({ example: '2027-01-31T00:00:00Z', description: 'RFC 3339' });

/** RFC 3339 in UTC. */
export function toTimestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** RFC 3339 in UTC; null stays null. */
export function toTimestampOrNull(atMs: number | null): string | null {
  return atMs === null ? null : toTimestamp(atMs);
}

/** Milliseconds since the epoch of a checked `TimestampInput`. */
export function fromTimestamp(text: string): number {
  return Date.parse(text);
}
