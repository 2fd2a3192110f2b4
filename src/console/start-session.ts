import type { SessionStore, SignedInIdentity, Tokens } from '../core/index.js';
import type { ConsoleContext } from './console-environment.js';
import type { SessionCookie } from './session-cookie.js';

export type SignInWay =
  | { readonly origin: 'token'; readonly adminId: string }
  | { readonly origin: 'link'; readonly linkId: string }
  | { readonly origin: 'oidc'; readonly identity: SignedInIdentity };

/** Throws `unauthenticated` where the admin or the link no longer counts. */
export async function startSession(
  context: ConsoleContext,
  way: SignInWay,
  { store, tokens, cookie }: { store: SessionStore; tokens: Tokens; cookie: SessionCookie },
): Promise<void> {
  const minted = tokens.mint('session');
  await store.startSession({ ...way, tokenId: minted.id, tokenHash: minted.hash });
  cookie.write(context, minted.token);
}
