import { z } from '@hono/zod-openapi';
import { type ErrorCode, errorTable } from '../core/index.js';

export const ProblemItem = z
  .strictObject({
    path: z.string().openapi({ example: 'routes[0].environments.production.upstream' }),
    message: z.string().openapi({ example: 'found a number, expected a string' }),
    nearest: z.string().optional().openapi({ description: 'The nearest valid spelling' }),
    line: z.int().optional(),
    column: z.int().optional(),
  })
  .openapi('ProblemItem');

const ProblemSchema = z
  .strictObject({
    type: z.string().openapi({ example: 'urn:keyferry:error:not_found' }),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ example: 'not_found' }),
    detail: z.string().openapi({ description: 'What was wrong, where, and what to do' }),
    requestId: z.string(),
    errors: z.array(ProblemItem).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457 problem details' });

/** One OpenAPI response per status that the codes have. */
export function problemResponses(codes: readonly ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = errorTable[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('; '),
        headers: {
          'Keyferry-Error': {
            description: 'The code',
            schema: { type: 'string' as const, enum: [...list] },
          },
        },
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  );
}
