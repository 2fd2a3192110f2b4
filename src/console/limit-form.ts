import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ConsoleEnvironment } from './console-environment.js';

const MIB = 1024 * 1024;

/** A value is at most 64 KiB, and a form writes a character as up to nine. */
const FORM_MIB = 1;
/** A routes document is at most 10 MiB for the API, and is spread over lines here. */
const ROUTES_FORM_MIB = 64;

const limitOfForms = limitTo(FORM_MIB);
export const limitRoutesForm = limitTo(ROUTES_FORM_MIB);

/** Nobody unknown sends as much as takes the memory that requests need: refused before it is read. */
export const limitForm: MiddlewareHandler<ConsoleEnvironment> = (context, next) => {
  const { method, path } = context.req;
  // The one long form has a limit of its own, for those who are signed in.
  if (method === 'GET' || method === 'HEAD' || path === '/routes') return next();
  return limitOfForms(context, next);
};

function limitTo(mostMib: number): MiddlewareHandler<ConsoleEnvironment> {
  return bodyLimit({
    maxSize: mostMib * MIB,
    onError: (context) => context.text(`Refused: a form here has at most ${mostMib} MiB.`, 413),
  });
}
