/**
 * `.` and `..`, also with what some servers cut off before they resolve dots: path parameters (`..;x`), and a query
 * or fragment that appears when the path is decoded once more.
 */
const DOT_SEGMENT = /^\.{1,2}(?:[;?#].*)?$/s;
/** Dropped by lenient URL parsers and file systems, so `..%20` and `.%0a.` are `..` to some. */
const DROPPED_BY_SOME = /[\p{Cc}\s]+/gu;
/** Without one of these no decoding makes a dot segment. `%c0` to `%ff` begin overlong and wide characters. */
const CAN_HIDE_DOTS = /\.|%(?:00|25|2e|[c-f][0-9a-f]|u)/i;
/** Rounds of decoding tried: an upstream that decodes more often than this is beyond what a proxy can know. */
const MAX_DECODINGS = 3;

const SPACE = 0x20;
const HASH = 0x23;
const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;
const FORBIDDEN =
  'The request target holds a character that is not allowed: a backslash, "#", a space, a control or a ' +
  'non-ASCII character.';

/**
 * Checks a raw request target (origin form, RFC 9112 section 3.2.1), which is then matched and forwarded
 * unchanged. `pathEnd` is where its query begins. Returns what is wrong, or undefined.
 */
export function checkTarget(target: string, pathEnd: number): string | undefined {
  if (target.charCodeAt(0) !== 0x2f) {
    return 'The request target must be a path: absolute URLs, "*" and CONNECT are not taken.';
  }
  // One pass by hand: it runs for every request, and two regular expressions took several times as long.
  let suspicious = false;
  let before = 0;
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= SPACE || code > TILDE || code === BACKSLASH || code === HASH) return FORBIDDEN;
    if (i < pathEnd) {
      // Only these can hide an empty or dot segment: what begins one with "/", "." or ";", and an escape.
      if (code === PERCENT) suspicious = true;
      else if (before === SLASH && (code === SLASH || code === DOT || code === SEMICOLON))
        suspicious = true;
    }
    before = code;
  }
  if (!suspicious) return undefined;
  const path = pathEnd === target.length ? target : target.slice(0, pathEnd);
  if (path.includes('//')) return 'The path holds an empty segment ("//").';
  if (!CAN_HIDE_DOTS.test(path)) return undefined;
  let decoded = path;
  for (let round = 0; round <= MAX_DECODINGS; round++) {
    if (decoded.includes('\0'))
      return 'The path holds an encoded NUL, at which some servers cut it off.';
    if (decoded.split(/[/\\]/).some(isDotSegment)) {
      return 'The path holds a dot segment ("." or ".."), plain or encoded.';
    }
    const next = decodeOnce(decoded);
    if (next === decoded) return undefined;
    decoded = next;
  }
  return 'The path is percent-encoded too many times over.';
}

function isDotSegment(segment: string): boolean {
  return DOT_SEGMENT.test(segment.replace(DROPPED_BY_SOME, ''));
}

/** Overlong UTF-8, which lenient decoders still take, and strict ones turn into something else. */
const OVERLONG: Readonly<Record<string, string>> = {
  '%c0%ae': '.',
  '%c0%af': '/',
  '%c1%9c': '\\',
  '%e0%80%ae': '.',
  '%e0%80%af': '/',
};

/**
 * Decodes as the most lenient server would: overlong UTF-8, `%uXXXX` (IIS), and characters that compatibility
 * normalisation (Unicode NFKC) makes a dot or a slash of.
 */
function decodeOnce(path: string): string {
  return path
    .replace(
      /%(?:c0%ae|c0%af|c1%9c|e0%80%ae|e0%80%af)/gi,
      (found) => OVERLONG[found.toLowerCase()] ?? found,
    )
    .replace(/%u([0-9a-f]{4})/gi, (_all, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
    .replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    )
    .normalize('NFKC');
}
