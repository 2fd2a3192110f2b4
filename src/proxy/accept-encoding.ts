import { normaliseHeaderName } from '../core/index.js';

/** What a response can be searched in, besides as it is. */
const READABLE = ['gzip', 'br'];
const IDENTITY = 'identity';

/** By the names' lengths: few headers need a closer look. */
const ACCEPT_ENCODING = 'accept-encoding';
const RANGE = 'range';
const IF_RANGE = 'if-range';

/** Values remembered; clients send few, and one that makes them up cannot fill memory. */
const MAX_VALUES = 256;
const narrowed = new Map<string, string>();

/**
 * Makes a request ask only for what can be searched: of the encodings that the client accepts gzip, br and
 * identity, and no ranges, because the two halves of a value would pass in two answers. Changes `headers` (name,
 * value, …) in place. Where the client names no encoding, and so accepts any, `identity` is asked for.
 */
export function askForSearchable(headers: string[], placed: ReadonlySet<string>): void {
  let asks = placed.has(ACCEPT_ENCODING);
  let end = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    let value = headers[i + 1] as string;
    const { length } = name;
    if (
      length === ACCEPT_ENCODING.length ||
      length === RANGE.length ||
      length === IF_RANGE.length
    ) {
      const known = normaliseHeaderName(name);
      if (known === RANGE || known === IF_RANGE) continue;
      if (known === ACCEPT_ENCODING) {
        asks = true;
        value = narrow(value);
      }
    }
    headers[end++] = name;
    headers[end++] = value;
  }
  headers.length = end;
  if (!asks) headers.push('Accept-Encoding', IDENTITY);
}

function narrow(value: string): string {
  const known = narrowed.get(value);
  if (known !== undefined) return known;
  const result = narrowList(value);
  if (narrowed.size < MAX_VALUES && value.length <= MAX_VALUES) narrowed.set(value, result);
  return result;
}

/** RFC 9110 section 12.5.3: codings with weights; `*` stands for every one that is not named. */
function narrowList(value: string): string {
  const weights = new Map<string, string>();
  for (const item of value.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (coding === '') continue;
    const weight = parameters.find((parameter) => /^q=[01](?:\.[0-9]{0,3})?$/.test(parameter));
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, weight ?? '');
  }
  const rest = weights.get('*');
  const kept: string[] = [];
  for (const coding of [...READABLE, IDENTITY]) {
    const weight = weights.get(coding) ?? (coding === IDENTITY ? undefined : rest);
    if (weight === undefined || /^q=0(?:\.0*)?$/.test(weight)) continue;
    kept.push(weight === '' ? coding : `${coding};${weight}`);
  }
  return kept.length === 0 ? IDENTITY : kept.join(', ');
}
