import { z } from '@hono/zod-openapi';
import { AppError, type Force } from '../core/index.js';
import { booleanParameter } from './query-parameters.js';

const reason = z
  .string()
  .min(1)
  .max(500)
  .openapi({ description: 'Why it must be; audited', example: 'leaked in a build log' });

/** In the body of a POST or DELETE that may be refused with `in_use`. */
export const forceBody = {
  force: z.boolean().optional().openapi({ description: 'Overrides `in_use`; needs `reason`' }),
  reason: reason.optional(),
};

/** The same in the query string. */
export const forceQuery = {
  force: booleanParameter('Overrides `in_use`; needs `reason`').optional(),
  reason: reason.optional(),
};

interface ForceFields {
  readonly force?: boolean | undefined;
  readonly reason?: string | undefined;
}

/** Reads `force` and `reason` from either place. Throws `invalid_request` when there is no reason. */
export function forceOf(query: ForceFields, body: ForceFields): Force | undefined {
  if (query.force !== true && body.force !== true) return undefined;
  const given = body.reason ?? query.reason;
  if (given !== undefined) return { reason: given };
  const problem = { path: 'reason', message: 'found nothing, expected why it must be' };
  throw new AppError('invalid_request', 'reason: "force" needs a reason, which is audited.', {
    problems: [problem],
  });
}
