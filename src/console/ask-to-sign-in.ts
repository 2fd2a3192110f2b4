import type { ConsoleContext } from './console-environment.js';
import { continueTo } from './continue-to.js';
import { returnPath } from './return-path.js';

/** Answers who is not known: with the way to the sign-in page, from which it leads back. */
export function askToSignIn(context: ConsoleContext): Response | Promise<Response> {
  const { req } = context;
  // A part of a page that is asked for anew leads there, and back to the page as a whole.
  if (req.header('hx-request') === 'true') {
    context.header('HX-Redirect', signInPath(pathOf(req.header('hx-current-url') ?? '')));
    return context.body(null, 204);
  }
  const to = req.method === 'GET' ? pathOf(req.url) : '/';
  // Perhaps known all the same: a link on a page of another site, in a message say, brings no Strict cookie along.
  if (req.method === 'GET' && req.header('sec-fetch-site') === 'cross-site') {
    return continueTo(context, { title: 'Keyferry', href: to, children: 'This page opens next.' });
  }
  return context.redirect(signInPath(to), 303);
}

/** Where an address of the console leads back to. */
function pathOf(url: string): string {
  if (!URL.canParse(url)) return '/';
  const { pathname, search } = new URL(url);
  return returnPath(pathname + search);
}

function signInPath(to: string): string {
  return to === '/' ? '/sign-in' : `/sign-in?${new URLSearchParams({ to })}`;
}
