import type { ClientDirectory, DirectoryClient, RouteShape } from '../core/index.js';
import { findAwsToken, findToken } from './find-token.js';
import type { RequestHead } from './request-head.js';

/**
 * Who sends a request; or whether a credential was refused, and the public part of its token, to count its
 * failures by. A request without any is no guess: git sends each of its first ones so.
 */
export type Authentication =
  | { readonly client: DirectoryClient }
  | { readonly client: undefined; readonly guessed: boolean; readonly tokenId: string | undefined };

const NOTHING: Authentication = { client: undefined, guessed: false, tokenId: undefined };
const NO_TOKEN: Authentication = { client: undefined, guessed: true, tokenId: undefined };

/**
 * Finds and checks the client token: `Keyferry-Token`, else `Proxy-Authorization`, else in place of a
 * credential that the route places (header, query parameter, path). The first place that holds one decides:
 * a wrong token there is not made good by another.
 */
export function authenticate(
  clients: ClientDirectory,
  head: RequestHead,
  shape: RouteShape,
  path: string,
  query: string,
): Authentication {
  if (head.token !== undefined) return check(clients, head.token);
  let result = NOTHING;
  if (head.proxyAuthorization !== undefined) {
    result = check(clients, head.proxyAuthorization);
    if (result !== NO_TOKEN) return result;
  }
  for (let i = 1; i < head.placed.length; i += 2) {
    result = check(clients, head.placed[i] as string);
    if (result !== NO_TOKEN) return result;
  }
  if (shape.queryNames.size > 0 && query !== '') {
    for (const [name, value] of new URLSearchParams(query)) {
      if (!shape.queryNames.has(name)) continue;
      result = check(clients, value);
      if (result !== NO_TOKEN) return result;
    }
  }
  for (const { stripLength, pattern } of shape.pathsInPlace ?? NO_PATHS) {
    const token = pattern.exec(path.slice(stripLength))?.[1];
    if (token !== undefined) return check(clients, token);
  }
  return result;
}

const NO_PATHS: NonNullable<RouteShape['pathsInPlace']> = [];

function check(clients: ClientDirectory, credential: string): Authentication {
  const remembered = clients.remembered(credential);
  if (remembered !== undefined) return { client: remembered };
  const awsToken = findAwsToken(credential);
  // Each signature is another text: remembered is the token in it.
  if (awsToken !== undefined) return check(clients, awsToken);
  const token = findToken(credential);
  if (token === undefined) return NO_TOKEN;
  const client = clients.verify(token, credential);
  if (client !== undefined) return { client };
  return { client, guessed: true, tokenId: token.slice(0, PUBLIC_LENGTH) };
}

/** Prefix and the first characters of the public id: never the secret part. */
const PUBLIC_LENGTH = 12;
