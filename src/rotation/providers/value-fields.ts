import { z } from 'zod';

/** A field of the config for values of several fields. */
export const valueFields = {
  fields: z
    .array(z.string().regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/, 'the name of a field is expected'))
    .max(20)
    .refine((fields) => new Set(fields).size === fields.length, 'each field once')
    .default([])
    .meta({
      description:
        'Names of the fields, where the value has several: it is then an object of texts.',
    }),
};
