import type { MiddlewareHandler } from 'hono';
import type { ConsoleEnvironment } from './console-environment.js';

/**
 * A change comes from a page of the console itself, not from another origin; another port of the same host is another
 * origin, though its requests carry the cookie. Browsers send `Origin` with every POST (Fetch, 3.2); `null` and none
 * are refused.
 */
export const refuseForeignPosts: MiddlewareHandler<ConsoleEnvironment> = async (context, next) => {
  const { method } = context.req;
  if (method === 'GET' || method === 'HEAD') return next();
  const origin = context.req.header('origin');
  const site = context.req.header('sec-fetch-site');
  const isOwn =
    origin !== undefined &&
    hostOf(origin) === context.req.header('host')?.toLowerCase() &&
    (site === undefined || site === 'same-origin');
  if (isOwn) return next();
  return context.text(
    'Refused: this request does not come from a page of the console. Open the console itself and try again.',
    403,
  );
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
