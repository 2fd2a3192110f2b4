import { AppError, type OidcSettings } from '../core/index.js';

/** RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6: other text of a provider is not repeated. */
const KNOWN_ERRORS: readonly unknown[] = [
  'access_denied',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
];

/** The provider does not answer, or not as one. */
export function notAnswered({ issuer }: OidcSettings, cause: unknown): AppError {
  const own = ownError(cause);
  const detail =
    own === undefined
      ? `${new URL(issuer).host} does not answer as an OpenID Connect provider of this issuer.`
      : `${new URL(issuer).host} cannot be reached: ${own.message}`;
  return new AppError('upstream_unreachable', detail, { cause: own ?? cause });
}

/** The provider does not vouch for anybody, or not in a way that holds. */
export function notSignedIn(settings: OidcSettings, cause: unknown): AppError {
  if (ownError(cause) !== undefined) return notAnswered(settings, cause);
  const found = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'error') : cause;
  const name = KNOWN_ERRORS.includes(found) ? ` (${String(found)})` : '';
  const host = new URL(settings.issuer).host;
  const detail =
    typeof found === 'string'
      ? `${host} did not sign you in${name}. Begin again.`
      : `What ${host} says cannot be trusted. Nobody was signed in.`;
  return new AppError('unauthenticated', detail, { cause });
}

/** What our own sending threw, however often the library wrapped it. */
function ownError(error: unknown): AppError | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; depth++) {
    if (cause instanceof AppError) return cause;
    cause = cause.cause;
  }
  return undefined;
}
