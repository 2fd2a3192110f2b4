import { z } from '@hono/zod-openapi';

/** A whole number in a query string or path. */
export function integerParameter(minimum: number, maximum: number, description: string) {
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,14})$/, `expected a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .refine((number) => number >= minimum && number <= maximum, {
      message: `expected a whole number from ${minimum} to ${maximum}`,
    })
    .openapi({ type: 'integer', minimum, maximum, description });
}

/** `true` or `false` in a query string. */
export function booleanParameter(description: string) {
  return z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .openapi({ type: 'boolean', enum: [true, false], description });
}

/** A secret in a path. Whether it exists is the store's to say, with the nearest spelling. */
export const secretNameParameter = z
  .string()
  .openapi({ description: 'Name of the secret', example: 'stripe_api_key' });

/** An environment in a path. */
export const environmentParameter = z
  .string()
  .openapi({ description: 'Name of the environment', example: 'production' });

/** The parameters of every list. */
export const pageParameters = {
  cursor: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .openapi({ description: 'The `nextCursor` of the page before; opaque' }),
  limit: integerParameter(1, 1000, 'Rows in a page; 100 unless said otherwise').optional(),
};

/** The schema of one page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().openapi({ description: 'null on the last page' }),
  });
}
