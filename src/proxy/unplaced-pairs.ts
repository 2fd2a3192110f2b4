import { normaliseQueryName } from '../core/index.js';

const PERCENT = 0x25;
const PLUS = 0x2b;
/** Everything else in a name stands for itself. */
const ENCODED = /[%+\x80-\xff]/;

/**
 * The `name=value` pairs of a query or form without every spelling of the placed ones; `placed` holds normalised
 * names. What remains is as the client sent it, byte for byte (one character per byte).
 */
export function unplacedPairs(text: string, placed: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (const pair of text.split('&')) {
    // Some upstreams still take ";" for a separator, as HTML 4 asked for.
    const rest = pair.includes(';')
      ? pair
          .split(';')
          .filter((part) => !isPlaced(part, placed))
          .join(';')
      : pair;
    if (rest !== '' && !isPlaced(rest, placed)) kept.push(rest);
  }
  return kept;
}

function isPlaced(pair: string, placed: ReadonlySet<string>): boolean {
  const equals = pair.indexOf('=');
  const name = normaliseQueryName(decodeName(equals === -1 ? pair : pair.slice(0, equals)));
  if (placed.has(name)) return true;
  // PHP and Rails read `key[]` and `key[0]` as `key`.
  const bracket = name.indexOf('[');
  return bracket > 0 && placed.has(name.slice(0, bracket));
}

/**
 * As `application/x-www-form-urlencoded` readers see it: `+` is a space, `%6bey` is `key`. By hand: a form may hold
 * hundreds of thousands of names, and `URLSearchParams` takes a second for them.
 */
function decodeName(text: string): string {
  if (!ENCODED.test(text)) return text;
  let bytes = '';
  let isAscii = true;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code === PLUS) code = 0x20;
    else if (code === PERCENT) {
      const high = hexDigit(text.charCodeAt(at + 1));
      const low = hexDigit(text.charCodeAt(at + 2));
      if (high !== -1 && low !== -1) {
        code = high * 16 + low;
        at += 2;
      }
    }
    if (code > 0x7f) isAscii = false;
    bytes += String.fromCharCode(code);
  }
  return isAscii ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
