import { CLIENT_TOKEN_PREFIX } from '../core/index.js';

/** RFC 9110 section 11.6.2: a scheme word, spaces, credentials. */
const WITH_SCHEME = /^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]* +([^ ]+)$/;
const BASIC = /^basic +([A-Za-z0-9+/_=-]+)$/i;

/** `X-Amz-Credential` of a presigned URL: key id, date, region, service. */
const AWS_SCOPE = /^(kfc_[^/]+)\/[^/]+(?:\/[^/]+)?\/[^/]+\/aws4_request$/;
const AWS_KEY_ID = 'Credential=';

/** The client token as the key id of an AWS signature: what an SDK signed with it is not verified. */
export function findAwsToken(value: string): string | undefined {
  if (!value.startsWith('AWS4-')) {
    return value.endsWith('/aws4_request') ? AWS_SCOPE.exec(value)?.[1] : undefined;
  }
  const at = value.indexOf(AWS_KEY_ID + CLIENT_TOKEN_PREFIX);
  const end = value.indexOf('/', at);
  return at === -1 || end === -1 ? undefined : value.slice(at + AWS_KEY_ID.length, end);
}

/**
 * The client token in the value of a credential header or parameter: alone, after any scheme word
 * (`Bearer kfc_…`), as user name or password of a Basic credential (RFC 7617), or as the key id of an AWS
 * signature. Undefined without one.
 */
export function findToken(value: string): string | undefined {
  const awsToken = findAwsToken(value);
  if (awsToken !== undefined) return awsToken;
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
