import { z } from '@hono/zod-openapi';

const LETTERS = /^[\p{L}\p{N}][\p{L}\p{N} ._:@/-]*$/u;

/** Name of who holds a token, as logs and lists show it: no control or look-alike formatting characters. */
export const holderName = z
  .string()
  .min(1)
  .max(128)
  .refine((name) => LETTERS.test(name), 'expected letters, digits, spaces or "._:@/-"')
  .openapi({ example: 'checkout' });
