import type { OutgoingHttpHeaders } from 'node:http2';

/** RFC 9113 section 8.2.2: they describe a connection of HTTP/1.1 and must not be sent on. */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Header pairs (name, value, name, value) as node:http2 takes them: names in lower case, each once. Values of a
 * repeated name are joined (RFC 9110 section 5.3), a repetition of the same value is left out; only
 * `Set-Cookie`, which cannot be joined, becomes a list.
 */
export function http2Headers(pairs: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < pairs.length; i += 2) {
    const name = (pairs[i] as string).toLowerCase();
    const value = pairs[i + 1] as string;
    const known = headers[name];
    if (CONNECTION_SPECIFIC.has(name) || known === value) continue;
    if (known === undefined) headers[name] = value;
    else if (typeof known !== 'string') known.push(value);
    else if (name === 'set-cookie') headers[name] = [known, value];
    else headers[name] = `${known}, ${value}`;
  }
  return headers;
}
