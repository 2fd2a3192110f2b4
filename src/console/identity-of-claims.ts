import {
  type Actor,
  AppError,
  type GrantedRole,
  OIDC_PREFIX,
  type OidcSettings,
} from '../core/index.js';

/** What a provider says about somebody. */
export type Claims = Readonly<Record<string, unknown>>;

export interface Person {
  /** As the audit log names them. */
  readonly actor: Actor;
  /** Undefined = nothing gives them a role. */
  readonly granted: GrantedRole | undefined;
}

/** OpenID Connect Core, section 2: up to 255 characters of ASCII. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
/** Letters, digits and punctuation: nothing that changes how what stands around it is read. */
const NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u;
const LONGEST_NAME = 120;

/** Throws `unauthenticated` where nobody can be told by them. */
export function identityOf(
  claims: Claims,
  { roleClaim, roles }: Pick<OidcSettings, 'roleClaim' | 'roles'>,
): Person {
  const { sub } = claims;
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) {
    const detail = 'The provider names somebody in a way that cannot be taken.';
    throw new AppError('unauthenticated', detail);
  }
  const values = roleValues(claims, roleClaim);
  return {
    actor: { type: 'admin', id: OIDC_PREFIX + sub, name: OIDC_PREFIX + nameOf(claims, sub) },
    granted: roles.find(({ value }) => values.includes(value)),
  };
}

/** Undefined where the claims do not hold it: by its name, or by the way to it (`realm_access.roles`). */
export function findClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step))
      return undefined;
    found = Reflect.get(found, step);
  }
  return found;
}

function roleValues(claims: Claims, roleClaim: string): readonly unknown[] {
  // Anybody may have written down an address that nobody has verified.
  if (roleClaim === 'email' && claims.email_verified !== true) return [];
  const found = findClaim(claims, roleClaim);
  return Array.isArray(found) ? found : [found];
}

/** The audit log shows it: nobody is to stand there under an address that may be somebody else's. */
function nameOf(claims: Claims, sub: string): string {
  const { email, email_verified: isVerified, preferred_username: login } = claims;
  const names = [isVerified === true ? email : undefined];
  // Where people sign in with their address, that is as unverified.
  if (isVerified !== false || login !== email) names.push(login);
  const isName = (name: unknown): name is string =>
    typeof name === 'string' && name.length <= LONGEST_NAME && NAME.test(name);
  return names.find(isName) ?? sub;
}
