import { z } from 'zod';
import type { CheckFinding, OutboundAnswer } from '../../core/index.js';
import { credentialOf } from '../credential-of.js';
import { type Minted, type Provider, type ProviderCall, ProviderError } from '../provider.js';
import { providerSecret } from '../provider-secret.js';
import { textOf } from '../secret-text.js';
import { endpointFields, endpointUrl, hostsOf } from './endpoint-fields.js';
import { readObject } from './read-answer.js';
import { readOAuthError, readTokens } from './read-tokens.js';
import { type Asked, failedAnswer, isSuccess, sendToProvider } from './send-to-provider.js';

/** Set by other fields. */
const OWN_PARAMETERS = [
  'grant_type',
  'client_id',
  'client_secret',
  'refresh_token',
  'scope',
  'audience',
  'resource',
  'token',
  'token_type_hint',
];

const config = z
  .strictObject({
    mode: z.enum(['client_credentials', 'refresh_token']).meta({
      description: 'The grant by which access tokens are had.',
    }),
    tokenEndpoint: endpointUrl('Where tokens are had (RFC 6749 section 3.2).'),
    clientId: z
      .string()
      .regex(/^[ -~]{1,500}$/)
      .meta({ description: 'Who asks.' }),
    clientSecret: providerSecret("The client's secret; left out for a public client.").optional(),
    clientAuthentication: z
      .enum(['client_secret_basic', 'client_secret_post'])
      .default('client_secret_basic')
      .meta({ description: 'Whether the secret goes in the Authorization header or in the body.' }),
    refreshToken: providerSecret(
      'refresh_token: the token to refresh by; each new one becomes its next version.',
    ).optional(),
    scope: z.string().max(2000).optional().meta({ description: 'What for, divided by spaces.' }),
    audience: z.string().max(2000).optional().meta({ description: 'Parameter "audience".' }),
    resource: z.array(z.string().max(2000)).max(20).default([]).meta({
      description: 'Parameters "resource" (RFC 8707).',
    }),
    parameters: z
      .record(z.string(), z.string())
      .default({})
      .refine((parameters) => !OWN_PARAMETERS.some((name) => Object.hasOwn(parameters, name)), {
        error: `${OWN_PARAMETERS.join(', ')} have fields of their own`,
      })
      .meta({ description: 'Further parameters of the request. No secrets.' }),
    tokenType: z.string().default('Bearer').meta({
      description: 'The type that tokens must have, in any case of letters.',
    }),
    defaultExpiresInSeconds: z.int().min(60).max(31_536_000).default(3600).meta({
      description: 'How long a token lives where the answer does not say.',
    }),
    aheadSeconds: z.int().min(10).max(86_400).default(600).meta({
      description: 'How long before its expiry the next one is had.',
    }),
    revocationEndpoint: endpointUrl(
      'client_credentials: where tokens are revoked (RFC 7009).',
    ).optional(),
    introspectionEndpoint: endpointUrl(
      'Where the server tells whether a token is active (RFC 7662).',
    ).optional(),
    ...endpointFields,
  })
  .refine(({ mode, refreshToken }) => (mode === 'refresh_token') === (refreshToken !== undefined), {
    path: ['refreshToken'],
    error: 'belongs to mode "refresh_token", which needs it',
  })
  .refine(({ mode, clientSecret }) => mode === 'refresh_token' || clientSecret !== undefined, {
    path: ['clientSecret'],
    error: 'mode "client_credentials" needs it',
  })
  // RFC 7009 section 2.1: the server may withdraw the refresh token with an access token.
  .refine(({ mode, revocationEndpoint }) => mode === 'client_credentials' || !revocationEndpoint, {
    path: ['revocationEndpoint'],
    error: 'with an access token the refresh token may be revoked: leave it out',
  });

type OAuth2Config = z.infer<typeof config>;
type Call = ProviderCall<OAuth2Config>;

const MINTING: Asked = { who: 'The token endpoint', makes: true };
const CHECKING: Asked = { who: 'The token endpoint', makes: false };
const REVOKING: Asked = { who: 'The revocation endpoint', makes: false };
const INTROSPECTING: Asked = { who: 'The introspection endpoint', makes: false };

/** Access tokens of an authorization server, had ahead of their expiry. */
export const oauth2: Provider<OAuth2Config> = {
  id: 'oauth2',
  title: 'OAuth 2.0',
  summary: 'Access tokens by client credentials or by a refresh token, had ahead of their expiry.',
  config,
  fields: () => [],
  sentTo({ tokenEndpoint, introspectionEndpoint, revocationEndpoint }) {
    const value = hostsOf([introspectionEndpoint, revocationEndpoint]);
    return { credentials: [...hostsOf([tokenEndpoint]), ...value], value };
  },
  keyActions: ({ revocationEndpoint }) => {
    return { disable: false, revoke: revocationEndpoint !== undefined };
  },
  byExpiry: ({ aheadSeconds }) => ({ aheadMs: aheadSeconds * 1000 }),
  // A small share would take longer than a token lives.
  cutover: { steps: [100], stepMinSamples: 1, stepMinSeconds: 0 },

  /**
   * Client credentials use nothing up. A refresh token is sent again, too: if its first use was carried out, the answer
   * is `invalid_grant`, which is `spent`, and a person is asked; waiting would not bring the lost token back.
   */
  recovery: () => 'expire',

  credentialsOf({ clientSecret, refreshToken }) {
    return {
      ...(clientSecret === undefined ? {} : { clientSecret }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
    };
  },

  /** Client credentials change nothing at the server; two runs with one refresh token would. */
  async principal({
    config: { mode, tokenEndpoint, clientId, refreshToken },
    secret,
    environment,
  }) {
    const of =
      mode === 'refresh_token' ? `refresh token ${refreshToken}` : `${environment}/${secret}`;
    return `${clientId} at ${tokenEndpoint}, ${of}`;
  },

  async check(call) {
    try {
      return [await checkClient(call)];
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return [{ ok: false, what: WHAT, detail: `${error.message} ${error.whatToDo}` }];
    }
  },

  async plan() {
    return {};
  },

  async mint(call): Promise<Minted> {
    const askedAtMs = call.clock.now();
    const { mode, scope, audience, resource, parameters } = call.config;
    const asked: [string, string][] = [['grant_type', mode]];
    const sent = mode === 'refresh_token' ? credentialOf(call, 'refreshToken') : undefined;
    if (sent !== undefined) asked.push(['refresh_token', sent]);
    if (scope !== undefined) asked.push(['scope', scope]);
    if (audience !== undefined) asked.push(['audience', audience]);
    for (const each of resource) asked.push(['resource', each]);
    asked.push(...Object.entries(parameters));
    const answer = await ask(call, MINTING, call.config.tokenEndpoint, asked);
    if (!isSuccess(answer)) throw tokenRefused(call, answer);
    const { accessToken, refreshToken, expiresInSeconds } = readTokens(
      answer,
      call.config,
      MINTING.who,
    );
    const lifeSeconds = expiresInSeconds ?? call.config.defaultExpiresInSeconds;
    // From before the request, so that it is not taken to live longer than it does.
    const minted = { value: accessToken, expiresAtMs: askedAtMs + lifeSeconds * 1000 };
    if (sent === undefined || refreshToken === undefined || textOf(refreshToken) === sent)
      return minted;
    return { ...minted, credentials: new Map([['refreshToken', refreshToken]]) };
  },

  async verify(call, { value }) {
    const { introspectionEndpoint } = call.config;
    if (introspectionEndpoint === undefined) return;
    const answer = await ask(call, INTROSPECTING, introspectionEndpoint, [
      ['token', textOf(value)],
      ['token_type_hint', 'access_token'],
    ]);
    if (!isSuccess(answer)) {
      throw failedAnswer(answer, INTROSPECTING, call.clock.now(), CLIENT_ADVICE);
    }
    if (readObject(answer.body)?.active === true) return;
    throw new ProviderError('refused', 'The server says that the new token is not active.', {
      whatToDo: 'Look at the log of the authorization server.',
    });
  },

  async revoke(call) {
    const { revocationEndpoint } = call.config;
    if (revocationEndpoint === undefined || call.value === undefined) return;
    const answer = await ask(call, REVOKING, revocationEndpoint, [
      ['token', textOf(call.value)],
      ['token_type_hint', 'access_token'],
    ]);
    if (isSuccess(answer)) return;
    throw failedAnswer(answer, REVOKING, call.clock.now(), CLIENT_ADVICE);
  },
};

const WHAT = 'authenticate the client';
const CLIENT_ADVICE = 'Check "clientId", "clientSecret" and "clientAuthentication" in the config.';

function ask(
  call: Call,
  asked: Asked,
  url: string,
  parameters: [string, string][],
): Promise<OutboundAnswer> {
  const { clientId, clientSecret, clientAuthentication } = call.config;
  const form = new URLSearchParams(parameters);
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  const secret = clientSecret === undefined ? undefined : credentialOf(call, 'clientSecret');
  if (secret === undefined || clientAuthentication === 'client_secret_post') {
    form.set('client_id', clientId);
    if (secret !== undefined) form.set('client_secret', secret);
  } else {
    // RFC 6749 section 2.3.1: each part encoded as in a form, before they are joined.
    const pair = `${formEncoded(clientId)}:${formEncoded(secret)}`;
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return sendToProvider(call, asked, { method: 'POST', url, headers, body: form.toString() });
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function tokenRefused(call: Call, answer: OutboundAnswer): ProviderError {
  const { mode, refreshToken } = call.config;
  const code = readOAuthError(answer);
  if (code === 'invalid_grant' && mode === 'refresh_token') {
    return new ProviderError(
      'spent',
      'The refresh token was used before, has expired or was withdrawn.',
      {
        whatToDo: `Authorize the client anew, add the new refresh token to secret ${refreshToken} of _providers and make it current, then resume.`,
      },
    );
  }
  const advice = code === 'invalid_scope' ? 'Check "scope" in the config.' : CLIENT_ADVICE;
  const { failure, message, retryAfterMs } = failedAnswer(
    answer,
    MINTING,
    call.clock.now(),
    advice,
  );
  if (code === undefined)
    return new ProviderError(failure, message, { whatToDo: advice, retryAfterMs });
  const nothingMade = code === 'temporarily_unavailable' ? 'unavailable' : failure;
  const said = `${message.slice(0, -1)} (${code}).`;
  return new ProviderError(nothingMade, said, { whatToDo: advice, retryAfterMs });
}

/**
 * Asks with a refresh token that is none: a server authenticates the client first (RFC 6749 section 3.2.1), and gives
 * nothing. Without a token that is meant, nothing can be used up.
 */
async function checkClient(call: Call): Promise<CheckFinding> {
  if (call.config.mode === 'refresh_token') credentialOf(call, 'refreshToken');
  const answer = await ask(call, CHECKING, call.config.tokenEndpoint, [
    ['grant_type', 'refresh_token'],
    ['refresh_token', 'keyferry-check-of-the-client'],
  ]);
  const code = readOAuthError(answer);
  if (code === 'invalid_grant' || code === 'unauthorized_client') {
    return { ok: true, what: WHAT, detail: 'The server knows the client by its secret.' };
  }
  if (code === 'invalid_client' || code === undefined) {
    const said = code === undefined ? '' : ` (${code})`;
    const detail = `${CHECKING.who} answered ${answer.status}${said}. ${CLIENT_ADVICE}`;
    return { ok: false, what: WHAT, detail };
  }
  const detail = `Answered ${answer.status} (${code}): whether the client is known shows the first token.`;
  return { ok: true, what: WHAT, detail };
}
