import type { ClientDirectory, DirectoryClient, RouteShape } from '../core/index.js';
import { findToken } from './find-token.js';
import type { RequestHead } from './request-head.js';

/** Who sends a request; or the public part of the token that was refused, to count its failures by. */
export type Authentication =
  | { readonly client: DirectoryClient }
  | { readonly client: undefined; readonly refused: string | undefined };

const NO_TOKEN: Authentication = { client: undefined, refused: undefined };

/**
 * Finds and checks the client token: `Keyferry-Token`, else `Proxy-Authorization`, else in place of a
 * credential that the route places (header, then query parameter). The first place that holds one decides:
 * a wrong token there is not made good by another.
 */
export function authenticate(
  clients: ClientDirectory,
  head: RequestHead,
  shape: RouteShape,
  query: string,
): Authentication {
  if (head.token !== undefined) return check(clients, head.token);
  if (head.proxyAuthorization !== undefined) return check(clients, head.proxyAuthorization);
  for (let i = 1; i < head.placed.length; i += 2) {
    const result = check(clients, head.placed[i] as string);
    if (result !== NO_TOKEN) return result;
  }
  if (shape.queryNames.size > 0 && query !== '') {
    for (const [name, value] of new URLSearchParams(query)) {
      if (!shape.queryNames.has(name)) continue;
      const result = check(clients, value);
      if (result !== NO_TOKEN) return result;
    }
  }
  return NO_TOKEN;
}

function check(clients: ClientDirectory, credential: string): Authentication {
  const remembered = clients.remembered(credential);
  if (remembered !== undefined) return { client: remembered };
  const token = findToken(credential);
  if (token === undefined) return NO_TOKEN;
  const client = clients.verify(token, credential);
  return client === undefined ? { client, refused: token.slice(0, PUBLIC_LENGTH) } : { client };
}

/** Prefix and the first characters of the public id: never the secret part. */
const PUBLIC_LENGTH = 12;
