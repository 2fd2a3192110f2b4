import type { Hono } from 'hono';
import { AppError, type SessionStore, type Tokens } from '../core/index.js';
import type { AttemptCookie } from './attempt-cookie.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { continueTo } from './continue-to.js';
import type { Person } from './identity-of-claims.js';
import { CALLBACK_PATH, OIDC_PATH, type OpenIdConnect } from './openid-connect.js';
import { returnPath } from './return-path.js';
import type { SessionCookie } from './session-cookie.js';
import { showSignIn } from './sign-in-page.js';
import { startSession } from './start-session.js';

export interface OidcSignInDependencies {
  readonly store: SessionStore;
  readonly tokens: Tokens;
  readonly oidc: OpenIdConnect;
  readonly cookie: SessionCookie;
  readonly attempts: AttemptCookie;
  /** Too many failures from one address: seconds to wait. */
  readonly tooMany: (address: string) => number | undefined;
  readonly logError: (error: unknown, where: { readonly path: string }) => void;
}

const NOT_BEGUN_HERE =
  'This sign-in was not begun in this browser, was finished before, or took longer than ten minutes. Begin again.';

/** To the provider and back (OpenID Connect Core, section 3.1). */
export function addOidcSignIn(
  app: Hono<ConsoleEnvironment>,
  dependencies: OidcSignInDependencies,
): void {
  const { store, oidc, attempts, tooMany, logError } = dependencies;

  const refuse = (
    context: ConsoleContext,
    to: string,
    problem: string,
    status: 401 | 403 | 503 = 401,
  ): Response | Promise<Response> => {
    const waitSeconds = tooMany(context.env.incoming.socket.remoteAddress ?? 'unknown');
    if (waitSeconds === undefined) {
      return showSignIn(context, { returnPath: to, oidc, problem }, status);
    }
    context.header('Retry-After', String(waitSeconds));
    const wait = `Too many attempts. Try again in ${waitSeconds} s.`;
    return showSignIn(context, { returnPath: to, oidc, problem: wait }, 429);
  };

  const explain = async (
    context: ConsoleContext,
    to: string,
    error: unknown,
  ): Promise<Response> => {
    if (!(error instanceof AppError)) throw error;
    const status = error.code === 'unauthenticated' ? 401 : 503;
    const answer = await refuse(context, to, error.message, status);
    // Not more of them than are answered.
    if (answer.status === status) logError(error, { path: context.req.path });
    return answer;
  };

  app.get(OIDC_PATH, async (context) => {
    const to = returnPath(context.req.query('to'));
    // Nobody is sent to the provider by a page of somebody else.
    const site = context.req.header('sec-fetch-site') ?? 'none';
    if (site !== 'same-origin' && site !== 'none') {
      return context.redirect(`/sign-in?${new URLSearchParams({ to })}`, 303);
    }
    try {
      const { url, attempt } = await oidc.begin(to);
      attempts.write(context, attempt);
      return context.redirect(url, 303);
    } catch (error) {
      return explain(context, to, error);
    }
  });

  app.get(CALLBACK_PATH, async (context) => {
    // The address holds the code.
    context.header('Referrer-Policy', 'no-referrer');
    const query = new URL(context.req.url).searchParams;
    const attempt = attempts.read(context);
    if (attempt === undefined || query.get('state') !== attempt.state) {
      return refuse(context, '/', NOT_BEGUN_HERE);
    }
    attempts.clear(context);
    let person: Person;
    try {
      person = await oidc.finish(query, attempt);
    } catch (error) {
      return explain(context, attempt.returnPath, error);
    }
    const { actor, granted } = person;
    if (granted === undefined) {
      const answer = await refuse(context, attempt.returnPath, withoutRole(actor.name, oidc), 403);
      if (answer.status === 403) await store.refuseSignIn({ actor });
      return answer;
    }
    const { role, environments, secretPrefix } = granted;
    const { id, name } = actor;
    const { grantedBy } = oidc;
    const identity = { id, name, role, environments, secretPrefix, grantedBy };
    await startSession(context, { origin: 'oidc', identity }, dependencies);
    const title = 'Signed in';
    const children = `You are ${name}.`;
    return continueTo(context, { title, href: attempt.returnPath, children });
  });
}

function withoutRole(name: string, { roleClaim }: OpenIdConnect): string {
  return `You are ${name}, who has no role here: no value of the claim "${roleClaim}" is given one. Whoever runs Keyferry can change that.`;
}
