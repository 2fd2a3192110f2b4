import { z } from '@hono/zod-openapi';
import { REVOKE_REASONS, type RevokeSafety } from '../core/index.js';
import { Timestamp, toTimestampOrNull } from './wire-time.js';

export const RevokeSafetySchema = z
  .strictObject({
    safe: z.boolean(),
    reasons: z
      .array(z.strictObject({ code: z.enum(REVOKE_REASONS), message: z.string() }))
      .openapi({ description: 'Why not, or why it can go' }),
    safeFrom: Timestamp.nullable().openapi({
      description: 'From when on, if nothing changes; null while something must be changed for it',
    }),
  })
  .openapi('RevokeSafety');

export function showRevokeSafety(safety: RevokeSafety): z.input<typeof RevokeSafetySchema> {
  return {
    safe: safety.safe,
    reasons: safety.reasons.map(({ code, message }) => ({ code, message })),
    safeFrom: toTimestampOrNull(safety.safeFromMs),
  };
}
