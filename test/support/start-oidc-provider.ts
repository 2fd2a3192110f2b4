import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Provider from 'oidc-provider';
import { onTestFinished } from 'vitest';
import { CLIENT_SECRET } from './start-oidc-console.js';

export type PersonClaims = Readonly<Record<string, unknown>>;

export interface OidcProvider {
  readonly issuer: string;
  /** Requests so far, as method and path. */
  readonly requests: string[];
  /** What is said of whom from now on. */
  setClaims(name: string, claims: PersonClaims): void;
}

/**
 * The npm package oidc-provider on loopback, for the console at `origin`, which is another site to a browser. Whoever types a name into its page is that
 * person. Claims of scopes are at its userinfo endpoint, or in the ID token too.
 */
export async function startOidcProvider(
  origin: string,
  people: Readonly<Record<string, PersonClaims>>,
  claimsIn: 'id-token' | 'userinfo' = 'userinfo',
): Promise<OidcProvider> {
  const claims = new Map(Object.entries(people));
  const server = createServer();
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'console',
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${origin}/sign-in/oidc/callback`],
        post_logout_redirect_uris: [`${origin}/sign-in`],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    conformIdTokenClaims: claimsIn === 'userinfo',
    cookies: { keys: ['a key of the test'] },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/login/${uid}` },
    findAccount: (_, accountId) => ({
      accountId,
      claims: async () => ({ sub: accountId, ...claims.get(accountId) }),
    }),
    // Nobody is asked whether the console may know their groups.
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc;
      const grant = new provider.Grant({
        clientId: client?.clientId ?? '',
        accountId: session?.accountId ?? '',
      });
      grant.addOIDCScope('openid email groups');
      await grant.save();
      return grant;
    },
  });
  const requests: string[] = [];
  const serve = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = '' } = request;
    requests.push(`${method} ${url.split('?')[0]}`);
    if (!url.startsWith('/login/')) return void serve(request, response);
    logIn(provider, request, response).catch(() => response.destroy());
  });
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { issuer, requests, setClaims: (name, more) => void claims.set(name, more) };
}

async function logIn(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html');
    response.end(
      '<!doctype html><title>Provider</title><form method="post"><label>Name <input name="name"></label><button>Log in</button></form>',
    );
    return;
  }
  const accountId = new URLSearchParams(await text(request)).get('name') ?? '';
  await provider.interactionFinished(request, response, { login: { accountId } });
}
