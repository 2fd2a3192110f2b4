import type { FC } from 'hono/jsx';
import type { ConsoleContext } from './console-environment.js';
import { renderBare } from './layout.js';
import type { OpenIdConnect } from './openid-connect.js';
import { assetPath } from './serve-assets.js';

export interface SignInPageProps {
  /** Where to go afterwards. */
  readonly returnPath: string;
  /** Undefined = nobody signs in with OpenID Connect. */
  readonly oidc: Pick<OpenIdConnect, 'providerName' | 'beginUrl'> | undefined;
  /** Of the link that was opened; undefined = the page was opened without one. */
  readonly link?: string | undefined;
  /** Why it did not work. */
  readonly problem?: string | undefined;
}

/** Every way to sign in. */
export function showSignIn(
  context: ConsoleContext,
  { link, problem, ...ways }: SignInPageProps,
  status: 200 | 401 | 403 | 429 | 503 = 200,
): Response | Promise<Response> {
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
            <Ways {...ways} />
          )}
        </article>
      ),
    },
    status,
  );
}

const Ways: FC<Pick<SignInPageProps, 'oidc' | 'returnPath'>> = ({ oidc, returnPath }) => (
  <>
    {oidc !== undefined && (
      <p>
        <a class="button" href={`${oidc.beginUrl}?${new URLSearchParams({ to: returnPath })}`}>
          Sign in with {oidc.providerName}
        </a>
      </p>
    )}
    <form method="post" action="/sign-in">
      <input type="hidden" name="to" value={returnPath} />
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
      <button type="submit" {...(oidc === undefined ? {} : { class: 'secondary' })}>
        Sign in
      </button>
    </form>
  </>
);
