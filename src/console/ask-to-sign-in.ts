import type { ConsoleContext } from './console-environment.js';
import { continueTo } from './continue-to.js';
import { returnPath } from './return-path.js';

/** Answers who is not known: with the way to the sign-in page, from which it leads back. */
export function askToSignIn(context: ConsoleContext): Response | Promise<Response> {
  const { req } = context;
  // A part of a page that is asked for anew goes there as a whole.
  if (req.header('hx-request') === 'true') {
    context.header('HX-Redirect', '/sign-in');
    return context.body(null, 204);
  }
  const { pathname, search } = new URL(req.url);
  const to = req.method === 'GET' ? returnPath(pathname + search) : '/';
  // Perhaps known all the same: a link on a page of another site, in a message say, brings no Strict cookie along.
  if (req.method === 'GET' && req.header('sec-fetch-site') === 'cross-site') {
    return continueTo(context, { title: 'Keyferry', href: to, children: 'This page opens next.' });
  }
  const query = to === '/' ? '' : `?${new URLSearchParams({ to })}`;
  return context.redirect(`/sign-in${query}`, 303);
}
