import type { Hono } from 'hono';
import { AppError, type SessionStore, type Store, type Tokens } from '../core/index.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { renderBare } from './layout.js';
import { assetPath } from './serve-assets.js';
import type { SessionCookie } from './session-cookie.js';

export interface SignInDependencies {
  readonly store: SessionStore & Pick<Store, 'findAdmin'>;
  readonly tokens: Tokens;
  readonly cookie: SessionCookie;
  /** Too many failures from one address: seconds to wait. */
  readonly tooMany: (address: string) => number | undefined;
  /** Set where OpenID Connect is configured: what its button says. */
  readonly oidcLabel: string | undefined;
}

const REFUSED =
  'This token is not known, or it was revoked or has expired. The first one is in the file admin-token of the data folder.';
const LINK_OVER =
  'This link was used before, or is older than two minutes. Run "keyferry console" for another one.';

/** `/sign-in` by an admin token or a link, and `/sign-out`. */
export function addSignIn(app: Hono<ConsoleEnvironment>, dependencies: SignInDependencies): void {
  const { store, tokens, cookie, tooMany } = dependencies;

  const show = (
    context: ConsoleContext,
    problem?: string,
    status: 401 | 429 = 401,
  ): Response | Promise<Response> => {
    const link = context.req.query('link');
    return renderBare(
      context,
      {
        title: 'Sign in',
        children: (
          <article class="panel">
            <h1>
              <img src={assetPath('icon.svg')} alt="" width="28" height="28" /> Keyferry
            </h1>
            {problem !== undefined && (
              <p class="notice bad" role="alert">
                {problem}
              </p>
            )}
            {link !== undefined && problem === undefined ? (
              <form method="post" action="/sign-in">
                <input type="hidden" name="link" value={link} />
                <p>This link signs you in once.</p>
                <button type="submit">Sign in</button>
              </form>
            ) : (
              <form method="post" action="/sign-in">
                <label>
                  Admin token
                  <input
                    type="password"
                    name="token"
                    required
                    autocomplete="off"
                    spellcheck={false}
                    placeholder="kfa_…"
                  />
                  <small>
                    Or run <code>keyferry console</code> for a link that signs you in.
                  </small>
                </label>
                <button type="submit">Sign in</button>
              </form>
            )}
            {dependencies.oidcLabel !== undefined && (
              <p>
                <a class="button secondary" href="/sign-in/oidc">
                  {dependencies.oidcLabel}
                </a>
              </p>
            )}
          </article>
        ),
      },
      problem === undefined ? 200 : status,
    );
  };

  const start = async (
    context: ConsoleContext,
    how: { origin: 'token'; adminId: string } | { origin: 'link'; linkId: string },
  ): Promise<Response> => {
    const minted = tokens.mint('session');
    await store.startSession({ ...how, tokenId: minted.id, tokenHash: minted.hash });
    cookie.write(context, minted.token);
    return context.redirect('/', 303);
  };

  app.get('/sign-in', (context) => show(context));

  app.post('/sign-in', async (context) => {
    const form = await context.req.parseBody();
    try {
      const linkId = await findLink(dependencies, form.link);
      if (linkId !== undefined) return await start(context, { origin: 'link', linkId });
      const adminId = await findAdminOf(dependencies, form.token);
      if (adminId !== undefined) return await start(context, { origin: 'token', adminId });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unauthenticated') throw error;
    }
    const waitSeconds = tooMany(context.env.incoming.socket.remoteAddress ?? 'unknown');
    if (waitSeconds !== undefined) {
      context.header('Retry-After', String(waitSeconds));
      return show(context, `Too many attempts. Try again in ${waitSeconds} s.`, 429);
    }
    return show(context, form.link === undefined ? REFUSED : LINK_OVER);
  });

  app.post('/sign-out', async (context) => {
    const token = cookie.read(context);
    const id = token === undefined ? undefined : tokens.idOf(token);
    const found = id === undefined ? undefined : await store.findSession(id);
    if (token !== undefined && found !== undefined && tokens.matches(token, found.tokenHash)) {
      const { admin } = found;
      const actor = { type: 'admin', id: admin.id, name: admin.name } as const;
      await store.endSession({ actor, id: found.id });
    }
    cookie.clear(context);
    return context.redirect('/sign-in', 303);
  });
}

async function findLink(
  { store, tokens }: SignInDependencies,
  link: unknown,
): Promise<string | undefined> {
  if (typeof link !== 'string') return undefined;
  const id = tokens.idOf(link);
  const found = id === undefined ? undefined : await store.findSignInLink(id);
  return found !== undefined && tokens.matches(link, found.tokenHash) ? found.id : undefined;
}

/** The id of the admin whose token it is; whether it still counts is the store's to say. */
async function findAdminOf(
  { store, tokens }: SignInDependencies,
  token: unknown,
): Promise<string | undefined> {
  if (typeof token !== 'string') return undefined;
  const trimmed = token.trim();
  const id = trimmed.startsWith('kfa_') ? tokens.idOf(trimmed) : undefined;
  const found = id === undefined ? undefined : await store.findAdmin(id);
  return found !== undefined && tokens.matches(trimmed, found.tokenHash) ? found.id : undefined;
}
