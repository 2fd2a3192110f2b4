import { CLIENT_TOKEN_PREFIX } from '../core/index.js';

/** RFC 9110 section 11.6.2: a scheme word, spaces, credentials. */
const WITH_SCHEME = /^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]* +([^ ]+)$/;
const BASIC = /^basic +([A-Za-z0-9+/_=-]+)$/i;

/**
 * The client token in the value of a credential header or parameter: alone, after any scheme word
 * (`Bearer kfc_…`), or as user name or password of a Basic credential (RFC 7617). Undefined without one.
 */
export function findToken(value: string): string | undefined {
  if (value.startsWith(CLIENT_TOKEN_PREFIX)) return value;
  const basic = BASIC.exec(value)?.[1];
  if (basic !== undefined) return tokenOfBasic(basic);
  const credentials = WITH_SCHEME.exec(value)?.[1];
  return credentials?.startsWith(CLIENT_TOKEN_PREFIX) ? credentials : undefined;
}

function tokenOfBasic(encoded: string): string | undefined {
  const pair = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = pair.indexOf(':');
  if (colon === -1) return undefined;
  const user = pair.slice(0, colon);
  const password = pair.slice(colon + 1);
  if (user.startsWith(CLIENT_TOKEN_PREFIX)) return user;
  return password.startsWith(CLIENT_TOKEN_PREFIX) ? password : undefined;
}
