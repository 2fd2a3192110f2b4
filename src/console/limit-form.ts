import type { MiddlewareHandler } from 'hono';
import type { ConsoleEnvironment } from './console-environment.js';

const MIB = 1024 * 1024;

/** A value is at most 64 KiB, and a form writes a character as up to nine. */
const FORM_MIB = 1;
/** A routes document is at most 10 MiB for the API, and is spread over lines here. */
const ROUTES_FORM_MIB = 64;

const limitOfForms = limitTo(FORM_MIB);
export const limitRoutesForm = limitTo(ROUTES_FORM_MIB);

/** Nobody unknown sends as much as takes the memory that requests need. */
export const limitForm: MiddlewareHandler<ConsoleEnvironment> = (context, next) => {
  const { method, path } = context.req;
  // The one long form has a limit of its own, for those who are signed in.
  if (method === 'GET' || method === 'HEAD' || path === '/routes') return next();
  return limitOfForms(context, next);
};

function limitTo(mostMib: number): MiddlewareHandler<ConsoleEnvironment> {
  return async (context, next) => {
    const { req } = context;
    const tooLong = (): Response =>
      context.text(`Refused: a form here has at most ${mostMib} MiB.`, 413);
    const declared = req.header('content-length');
    if (declared !== undefined) return Number(declared) > mostMib * MIB ? tooLong() : next();
    const { method, url, raw } = req;
    if (raw.body === null) return next();
    // How long it is shows as it comes, from a proxy in front say.
    const body = await readUpTo(mostMib * MIB, raw.body);
    if (body === undefined) return tooLong();
    req.raw = new Request(url, { method, headers: new Headers(req.header()), body });
    return next();
  };
}

/** Undefined where it is longer. */
async function readUpTo(
  mostBytes: number,
  body: ReadableStream<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    total += chunk.byteLength;
    if (total > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
