import type { Hono } from 'hono';
import { AppError, type SessionStore, type Store, type Tokens } from '../core/index.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { continueTo } from './continue-to.js';
import { readFields } from './form.js';
import type { OpenIdConnect } from './openid-connect.js';
import { returnPath } from './return-path.js';
import type { SessionCookie } from './session-cookie.js';
import { showSignIn } from './sign-in-page.js';
import { type SignInWay, startSession } from './start-session.js';

export interface SignInDependencies {
  readonly store: SessionStore & Pick<Store, 'findAdmin'>;
  readonly tokens: Tokens;
  readonly cookie: SessionCookie;
  /** Too many failures from one address: seconds to wait. */
  readonly tooMany: (address: string) => number | undefined;
  /** Undefined = nobody signs in with OpenID Connect. */
  readonly oidc: OpenIdConnect | undefined;
}

const REFUSED =
  'This token is not known, or it was revoked or has expired. The first one is in the file admin-token of the data folder.';
const LINK_OVER =
  'This link was used before, or is older than two minutes. Run "keyferry console" for another one.';

/** `/sign-in` by an admin token or a link, and `/sign-out`. */
export function addSignIn(app: Hono<ConsoleEnvironment>, dependencies: SignInDependencies): void {
  const { store, tokens, cookie, tooMany, oidc } = dependencies;

  app.get('/sign-in', (context) =>
    showSignIn(context, {
      returnPath: returnPath(context.req.query('to')),
      oidc,
      link: context.req.query('link'),
    }),
  );

  app.post('/sign-in', async (context) => {
    const form = await readFields(context);
    const to = returnPath(form.to);
    try {
      const way =
        (await findLink(dependencies, form.link)) ?? (await findAdminOf(dependencies, form.token));
      if (way !== undefined) {
        await startSession(context, way, dependencies);
        return context.redirect(to, 303);
      }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unauthenticated') throw error;
    }
    const waitSeconds = tooMany(context.env.incoming.socket.remoteAddress ?? 'unknown');
    if (waitSeconds !== undefined) {
      context.header('Retry-After', String(waitSeconds));
      const problem = `Too many attempts. Try again in ${waitSeconds} s.`;
      return showSignIn(context, { returnPath: to, oidc, problem }, 429);
    }
    const problem = form.link === undefined ? REFUSED : LINK_OVER;
    return showSignIn(context, { returnPath: to, oidc, problem }, 401);
  });

  app.post('/sign-out', async (context) => {
    const token = cookie.read(context);
    const id = token === undefined ? undefined : tokens.idOf(token);
    const found = id === undefined ? undefined : await store.findSession(id);
    cookie.clear(context);
    if (token === undefined || found === undefined || !tokens.matches(token, found.tokenHash)) {
      return context.redirect('/sign-in', 303);
    }
    const { admin } = found;
    const actor = { type: 'admin', id: admin.id, name: admin.name } as const;
    await store.endSession({ actor, id: found.id });
    const href = found.origin === 'oidc' ? await oidc?.endSessionUrl() : undefined;
    if (oidc === undefined || href === undefined) return context.redirect('/sign-in', 303);
    const title = 'Signed out';
    const children = `You are signed out of Keyferry. ${oidc.providerName} may ask whether to sign out there too.`;
    return continueTo(context, { title, href, children });
  });
}

async function findLink(
  { store, tokens }: SignInDependencies,
  link: unknown,
): Promise<SignInWay | undefined> {
  if (typeof link !== 'string') return undefined;
  const id = tokens.idOf(link);
  const found = id === undefined ? undefined : await store.findSignInLink(id);
  if (found === undefined || !tokens.matches(link, found.tokenHash)) return undefined;
  return { origin: 'link', linkId: found.id };
}

/** The admin whose token it is; whether it still counts is the store's to say. */
async function findAdminOf(
  { store, tokens }: SignInDependencies,
  token: unknown,
): Promise<SignInWay | undefined> {
  if (typeof token !== 'string') return undefined;
  const trimmed = token.trim();
  const id = trimmed.startsWith('kfa_') ? tokens.idOf(trimmed) : undefined;
  const found = id === undefined ? undefined : await store.findAdmin(id);
  if (found === undefined || !tokens.matches(trimmed, found.tokenHash)) return undefined;
  return { origin: 'token', adminId: found.id };
}
