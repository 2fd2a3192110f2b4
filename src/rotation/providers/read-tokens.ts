import { MAX_VALUE_BYTES, type OutboundAnswer, SecretValue } from '../../core/index.js';
import { ProviderError } from '../provider.js';
import { readObject } from './read-answer.js';

interface Tokens {
  readonly accessToken: SecretValue;
  /** Undefined where the answer has none: the one that was sent stays. */
  readonly refreshToken: SecretValue | undefined;
  readonly expiresInSeconds: number | undefined;
}

/** RFC 6749 appendix A.12 and A.17: visible ASCII and spaces. */
const TOKEN = /^[ -~]+$/;

/** Reads a successful answer (RFC 6749 section 5.1). Throws `unknown`: a token was made, and cannot be used. */
export function readTokens(
  answer: OutboundAnswer,
  config: { readonly tokenType: string },
  who: string,
): Tokens {
  const bad = (what: string, whatToDo: string): ProviderError =>
    new ProviderError('unknown', `${who} answered ${answer.status}, but ${what}.`, { whatToDo });
  const notOAuth = 'Check "tokenEndpoint" in the config: it must answer as RFC 6749 says.';
  const body = readObject(answer.body);
  if (body === undefined) throw bad('its answer is no JSON object', notOAuth);
  const accessToken = readToken(body.access_token);
  if (accessToken === undefined) throw bad('its "access_token" is no token', notOAuth);
  const type = body.token_type;
  if (typeof type !== 'string' || type.toLowerCase() !== config.tokenType.toLowerCase()) {
    throw bad(`its "token_type" is not ${config.tokenType}`, 'Check "tokenType" in the config.');
  }
  const refreshToken = readToken(body.refresh_token);
  const given = body.refresh_token;
  if (refreshToken === undefined && given !== undefined && given !== null && given !== '') {
    throw bad('its "refresh_token" is no token', notOAuth);
  }
  return { accessToken, refreshToken, expiresInSeconds: readLifetime(body.expires_in) };
}

function readToken(found: unknown): SecretValue | undefined {
  if (typeof found !== 'string' || found.length > MAX_VALUE_BYTES || !TOKEN.test(found)) {
    return undefined;
  }
  return SecretValue.fromText(found);
}

/** Some servers write it as a text. What is no number is not refused: a refresh token would be lost with it. */
function readLifetime(found: unknown): number | undefined {
  const seconds = typeof found === 'string' && /^\d{1,10}$/.test(found) ? Number(found) : found;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 && seconds <= 1e10
    ? seconds
    : undefined;
}

const OAUTH_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
  'unsupported_token_type',
] as const;

/** The code of an error (RFC 6749 section 5.2) where it is a known one: others could be any text. */
export function readOAuthError(answer: OutboundAnswer): (typeof OAUTH_ERRORS)[number] | undefined {
  const found = readObject(answer.body)?.error;
  return OAUTH_ERRORS.find((code) => code === found);
}
