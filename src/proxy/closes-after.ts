import type { Exchange } from './exchange.js';

/** Methods whose bodies have a meaning (RFC 9110 section 9.3, RFC 5789, RFC 4918, RFC 3253). */
const EXPECT_A_BODY: ReadonlySet<string> = new Set([
  'POST',
  'PUT',
  'PATCH',
  'QUERY',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'LOCK',
  'REPORT',
  'SEARCH',
]);

/**
 * Whether the connection to the upstream serves no other request after this one. A server that expects no body would
 * take one for the next request; said so in its head, it does not read on. The other two are what undici does by
 * itself.
 */
export function closesAfter({ method, upgrade }: Exchange, hasBody: boolean): boolean {
  if (hasBody && !EXPECT_A_BODY.has(method)) return true;
  return method === 'HEAD' || upgrade !== undefined;
}
