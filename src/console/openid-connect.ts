import { createHash } from 'node:crypto';
import type { ClientAuth, Configuration } from 'openid-client';
import { AppError, type Clock, type OidcSettings, type Outbound } from '../core/index.js';
import type { Attempt } from './attempt-cookie.js';
import { type Claims, findClaim, identityOf, type Person } from './identity-of-claims.js';
import { providerFetch } from './provider-fetch.js';
import { notAnswered, notSignedIn } from './provider-problem.js';

/** Where people begin; below it they come back. */
export const OIDC_PATH = '/sign-in/oidc';
export const CALLBACK_PATH = `${OIDC_PATH}/callback`;

/** A provider that changes its endpoints is followed within so long; its keys are looked up by themselves. */
const KEEP_MS = 10 * 60_000;
/** Each waits for the provider, and anybody may make one begin. */
const MOST_AT_ONCE = 20;

export interface OpenIdConnectOptions {
  readonly settings: OidcSettings;
  /** PEM, besides the system's own. */
  readonly ca: string | undefined;
  readonly outbound: Outbound;
  readonly clock: Clock;
}

/** The provider, as a relying party sees it. */
export interface OpenIdConnect {
  /** Host of the issuer, for people. */
  readonly providerName: string;
  /** Where the browser must begin to be known when it comes back. */
  readonly beginUrl: string;
  /** Digest of the settings that rights come from: under others, no right is as it was. */
  readonly grantedBy: string;
  readonly roleClaim: string;
  /**
   * Where to send the browser, and what it keeps meanwhile. Throws `upstream_unreachable` where the provider does not
   * answer, or answers nonsense.
   */
  begin(returnPath: string): Promise<{ readonly url: string; readonly attempt: Attempt }>;
  /**
   * Who came back with `query`, whose state is that of the attempt. Throws `upstream_unreachable`; `unauthenticated`
   * where the provider vouches for nobody, or not in a way that holds; `overloaded`.
   */
  finish(query: URLSearchParams, attempt: Attempt): Promise<Person>;
  /** Where the session at the provider is ended; undefined where it says of no such place, or does not answer. */
  endSessionUrl(): Promise<string | undefined>;
}

interface Provider {
  readonly library: typeof import('openid-client');
  readonly configuration: Configuration;
}

export function createOpenIdConnect(options: OpenIdConnectOptions): OpenIdConnect {
  const { settings, clock } = options;
  const { issuer, clientId, roleClaim, roles, scopes, consoleOrigin } = settings;
  const callback = `${consoleOrigin}${CALLBACK_PATH}`;
  let kept: { readonly atMs: number; readonly provider: Promise<Provider> } | undefined;
  let underWay = 0;

  const find = async (): Promise<Provider> => {
    if (kept === undefined || Math.abs(clock.now() - kept.atMs) >= KEEP_MS) {
      kept = { atMs: clock.now(), provider: discover(options) };
    }
    const { provider } = kept;
    try {
      return await provider;
    } catch (error) {
      if (kept?.provider === provider) kept = undefined;
      throw notAnswered(settings, error);
    }
  };

  const ask = async (query: URLSearchParams, attempt: Attempt): Promise<Claims> => {
    const { library, configuration } = await find();
    const url = new URL(`${callback}?${query}`);
    try {
      const answer = await library.authorizationCodeGrant(configuration, url, {
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        pkceCodeVerifier: attempt.verifier,
        idTokenExpected: true,
      });
      const claims = answer.claims();
      if (claims === undefined) throw new Error('no ID token');
      const { userinfo_endpoint: more } = configuration.serverMetadata();
      // Some providers keep groups out of the ID token.
      if (more === undefined || findClaim(claims, roleClaim) !== undefined) return claims;
      const found = await library.fetchUserInfo(configuration, answer.access_token, claims.sub);
      return { ...found, ...claims };
    } catch (error) {
      throw notSignedIn(settings, error);
    }
  };

  return {
    providerName: new URL(issuer).host,
    beginUrl: `${consoleOrigin}${OIDC_PATH}`,
    grantedBy: createHash('sha256')
      .update(JSON.stringify([issuer, clientId, roleClaim, roles]))
      .digest('base64url'),
    roleClaim,
    async begin(returnPath) {
      const { library, configuration } = await find();
      const state = library.randomState();
      const nonce = library.randomNonce();
      const verifier = library.randomPKCECodeVerifier();
      const url = library.buildAuthorizationUrl(configuration, {
        redirect_uri: callback,
        scope: scopes,
        state,
        nonce,
        code_challenge: await library.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, attempt: { state, nonce, verifier, returnPath } };
    },
    async finish(query, attempt) {
      if (underWay >= MOST_AT_ONCE) {
        throw new AppError('overloaded', 'Too many people sign in at once. Try again in a minute.');
      }
      underWay += 1;
      try {
        return identityOf(await ask(query, attempt), settings);
      } finally {
        underWay -= 1;
      }
    },
    async endSessionUrl() {
      try {
        const { library, configuration } = await find();
        if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
        const parameters = { post_logout_redirect_uri: `${consoleOrigin}/sign-in` };
        return library.buildEndSessionUrl(configuration, parameters).href;
      } catch {
        return undefined;
      }
    },
  };
}

/** Rejects with what the library throws, and for a provider that goes by another name, or that leads nowhere. */
async function discover({ settings, ca, outbound }: OpenIdConnectOptions): Promise<Provider> {
  const library = await import('openid-client');
  const issuer = new URL(settings.issuer);
  const configuration = await library.discovery(
    issuer,
    settings.clientId,
    {},
    authenticationOf(library, settings),
    {
      [library.customFetch]: providerFetch(outbound, ca),
      execute: [
        library.enableNonRepudiationChecks,
        ...(issuer.protocol === 'http:' ? [library.allowInsecureRequests] : []),
      ],
    },
  );
  // The library makes exceptions, for providers that serve the accounts of everybody under one address.
  if (new URL(configuration.serverMetadata().issuer).href !== issuer.href) {
    throw new Error('another issuer');
  }
  // Throws where there is nothing to go to.
  library.buildAuthorizationUrl(configuration, {});
  return { library, configuration };
}

function authenticationOf(
  { ClientSecretPost, None }: Provider['library'],
  { clientSecret }: OidcSettings,
): ClientAuth {
  if (clientSecret === undefined) return None();
  const secret = Buffer.from(clientSecret.expose()).toString();
  const post = ClientSecretPost(secret);
  // The library also encodes what needs no encoding (RFC 6749 section 2.3.1), which some providers do not undo.
  const basic: ClientAuth = (_, client, __, headers) => {
    const pair = [client.client_id, secret].map(encodeURIComponent).join(':');
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };
  return (server, ...rest) => {
    // RFC 8414 section 2: basic where nothing is said.
    const ways = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (ways.includes('client_secret_basic') ? basic : post)(server, ...rest);
  };
}
