import { z } from 'zod';
import { routesSchema } from './route-schema.js';

/**
 * The JSON schema (draft 7, which editors know best) of the routes document, made from the schema that checks
 * it. It cannot say everything: what a template names, or that two routes are in conflict, only the check says.
 */
export function routesJsonSchema(): object {
  return z.toJSONSchema(routesSchema, { target: 'draft-7', io: 'input' });
}
