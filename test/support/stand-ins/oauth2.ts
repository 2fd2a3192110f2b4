import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FOREIGN_WORDS, type ProviderStandIn, type StandInKey } from '../provider-stand-in.js';
import { Faults } from './faults.js';
import { answerJson, bearerOf, listenStandIn } from './listen-stand-in.js';

export interface OAuth2StandIn extends ProviderStandIn {
  /** Parameters of what it was asked, with the header that the client was known by. */
  readonly asked: readonly URLSearchParams[];
  readonly authorizations: readonly (string | undefined)[];
  /** What a person does after `invalid_grant`: authorizes anew. A refresh token that is good. */
  authorizeAnew(): string;
}

interface OAuth2Options {
  readonly mode?: 'client_credentials' | 'refresh_token';
  readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post';
  /** Undefined: answers do not say. */
  readonly lifeSeconds?: number | undefined;
  /** Default true. */
  readonly rotatesRefreshTokens?: boolean;
  /** Default true for client credentials. */
  readonly revokes?: boolean;
  readonly nowMs?: () => number;
}

interface AccessToken {
  readonly token: string;
  readonly id: string;
  readonly madeBy: StandInKey['madeBy'];
  readonly expiresAtMs: number;
  readonly works: boolean;
  revoked: boolean;
}

const CLIENT_ID = 'keyferry test:client';

/**
 * An authorization server (RFC 6749, 7009). A refresh token is good once; used twice, all that came of the same
 * authorization are withdrawn (RFC 9700 section 4.14.2).
 */
export async function startOAuth2StandIn(options: OAuth2Options = {}): Promise<OAuth2StandIn> {
  const { mode = 'client_credentials', clientAuthentication = 'client_secret_basic' } = options;
  const nowMs = options.nowMs ?? Date.now;
  const revokes = mode === 'client_credentials' && options.revokes !== false;
  const clientSecret = `client secret/+%${randomBytes(12).toString('base64')}`;
  const faults = new Faults();
  const tokens: AccessToken[] = [];
  /** Refresh tokens by the authorization that they came of; a used one stays, to be known again. */
  const refreshTokens = new Map<string, { readonly family: number; used: boolean }>();
  const withdrawn = new Set<number>();
  const asked: URLSearchParams[] = [];
  const authorizations: (string | undefined)[] = [];
  let families = 0;

  const makeToken = (madeBy: StandInKey['madeBy']): AccessToken => {
    const made: AccessToken = {
      token: `at.${randomBytes(24).toString('base64url')}`,
      id: `token_${tokens.length}`,
      madeBy,
      expiresAtMs: nowMs() + (options.lifeSeconds ?? 3600) * 1000,
      works: madeBy === 'before' || !faults.take('broken_key'),
      revoked: false,
    };
    tokens.push(made);
    return made;
  };
  const makeRefreshToken = (family: number): string => {
    const token = `rt.${randomBytes(24).toString('base64url')}`;
    refreshTokens.set(token, { family, used: false });
    return token;
  };
  const initial = makeToken('before').token;
  const firstRefreshToken = makeRefreshToken(families);

  const isLive = ({ revoked, expiresAtMs }: AccessToken): boolean => {
    return !revoked && expiresAtMs > nowMs();
  };
  const isClient = (request: IncomingMessage, form: URLSearchParams): boolean => {
    if (faults.take('wrong_credentials')) return false;
    if (clientAuthentication === 'client_secret_post') {
      return form.get('client_id') === CLIENT_ID && form.get('client_secret') === clientSecret;
    }
    const [, pair = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const [id = '', secret = ''] = Buffer.from(pair, 'base64').toString().split(':');
    const decoded = (text: string) => new URLSearchParams(`v=${text}`).get('v');
    return decoded(id) === CLIENT_ID && decoded(secret) === clientSecret;
  };

  const give = (response: ServerResponse, refreshToken: string | undefined): void => {
    const { token } = makeToken('keyferry');
    if (faults.take('lost_answer')) {
      response.socket?.destroy();
      return;
    }
    answerJson(response, 200, {
      access_token: token,
      token_type: 'bearer',
      expires_in: options.lifeSeconds,
      refresh_token: refreshToken,
      scope: 'all',
    });
  };

  const refresh = (response: ServerResponse, given: string) => {
    const known = refreshTokens.get(given);
    if (known !== undefined && faults.take('spent')) known.used = true;
    if (known === undefined || known.used || withdrawn.has(known.family)) {
      if (known !== undefined) withdrawn.add(known.family);
      answerJson(response, 400, { error: 'invalid_grant', error_description: FOREIGN_WORDS });
      return;
    }
    if (options.rotatesRefreshTokens === false) return give(response, undefined);
    known.used = true;
    give(response, makeRefreshToken(known.family));
  };

  const server = await listenStandIn((request, body, response) => {
    const form = new URLSearchParams(body);
    asked.push(form);
    authorizations.push(request.headers.authorization);
    if (faults.take('throttled')) {
      return answerJson(
        response,
        429,
        { error: 'slow_down', error_description: FOREIGN_WORDS },
        { 'retry-after': '1' },
      );
    }
    if (faults.take('unavailable'))
      return answerJson(response, 503, { error: 'server_error', error_description: FOREIGN_WORDS });
    if (!isClient(request, form)) {
      return answerJson(
        response,
        401,
        { error: 'invalid_client', error_description: FOREIGN_WORDS },
        { 'www-authenticate': 'Basic' },
      );
    }
    if (request.url === '/revoke') {
      if (faults.take('refused_revocation')) {
        return answerJson(response, 403, {
          error: 'access_denied',
          error_description: FOREIGN_WORDS,
        });
      }
      const found = tokens.find(({ token }) => token === form.get('token'));
      if (found !== undefined) found.revoked = true;
      return answerJson(response, 200, {});
    }
    if (request.url === '/introspect') {
      const found = tokens.find(({ token }) => token === form.get('token'));
      return answerJson(response, 200, { active: found?.works === true && isLive(found) });
    }
    const grant = form.get('grant_type');
    if (grant === 'refresh_token') return refresh(response, form.get('refresh_token') ?? '');
    if (grant === 'client_credentials' && mode === grant) return give(response, undefined);
    answerJson(response, 400, { error: 'unauthorized_client', error_description: FOREIGN_WORDS });
  });

  return {
    provider: 'oauth2',
    config: {
      mode,
      tokenEndpoint: `${server.origin}/token`,
      clientId: CLIENT_ID,
      clientSecret: 'oauth_client',
      clientAuthentication,
      ...(mode === 'refresh_token' ? { refreshToken: 'oauth_refresh' } : {}),
      ...(revokes ? { revocationEndpoint: `${server.origin}/revoke` } : {}),
      introspectionEndpoint: `${server.origin}/introspect`,
      timeoutSeconds: 5,
      allowPrivateNetwork: true,
    },
    providerSecrets: {
      oauth_client: clientSecret,
      ...(mode === 'refresh_token' ? { oauth_refresh: firstRefreshToken } : {}),
    },
    initial,
    fields: [],
    headers: { Authorization: 'Bearer <<secret:key>>' },
    faults: [
      'lost_answer',
      'unavailable',
      'throttled',
      'broken_key',
      ...(revokes ? (['refused_revocation'] as const) : []),
      'wrong_credentials',
      ...(mode === 'refresh_token' ? (['spent'] as const) : []),
    ],
    retryAfterSeconds: 1,
    asked,
    authorizations,
    async accepts(headers) {
      const given = bearerOf(headers);
      return tokens.some((each) => each.token === given && each.works && isLive(each));
    },
    async keys() {
      return tokens.map((each) => {
        return { id: each.id, madeBy: each.madeBy, state: isLive(each) ? 'live' : 'gone' };
      });
    },
    fail: (fault, times) => faults.add(fault, times),
    authorizeAnew: () => makeRefreshToken(++families),
    close: () => server.close(),
  };
}
