/** Anything but visible ASCII, and what no target may hold: a backslash or a fragment. */
const FORBIDDEN = /[^\x21-\x7e]|[\\#]/;
/** Cheap first look at a path: only these can hide an empty or dot segment. */
const SUSPICIOUS = /\/[./;]|%2[ef]|%5c|%25/i;
/** `.` and `..`, also with path parameters (`..;x`), which some servers cut off before they resolve dots. */
const DOT_SEGMENT = /^\.{1,2}(?:;.*)?$/;
/** Rounds of decoding tried: an upstream that decodes more often than this is beyond what a proxy can know. */
const MAX_DECODINGS = 3;

/**
 * Checks a raw request target (origin form, RFC 9112 section 3.2.1), which is then matched and forwarded
 * unchanged. `pathEnd` is where its query begins. Returns what is wrong, or undefined.
 */
export function checkTarget(target: string, pathEnd: number): string | undefined {
  if (target.charCodeAt(0) !== 0x2f) {
    return 'The request target must be a path: absolute URLs, "*" and CONNECT are not taken.';
  }
  if (FORBIDDEN.test(target)) {
    return 'The request target holds a character that is not allowed: a backslash, "#", a space, a control or a non-ASCII character.';
  }
  const path = pathEnd === target.length ? target : target.slice(0, pathEnd);
  if (!SUSPICIOUS.test(path)) return undefined;
  if (path.includes('//')) return 'The path holds an empty segment ("//").';
  let decoded = path;
  for (let round = 0; round <= MAX_DECODINGS; round++) {
    if (decoded.split(/[/\\]/).some((segment) => DOT_SEGMENT.test(segment))) {
      return 'The path holds a dot segment ("." or ".."), plain or encoded.';
    }
    const next = decodeStructure(decoded);
    if (next === decoded) return undefined;
    decoded = next;
  }
  return 'The path is percent-encoded too many times over.';
}

const STRUCTURE: Readonly<Record<string, string>> = {
  '%2e': '.',
  '%2f': '/',
  '%5c': '\\',
  '%25': '%',
  '%3b': ';',
};

/** Decodes only what can change how a path is split. */
function decodeStructure(path: string): string {
  return path.replace(/%(?:2e|2f|5c|25|3b)/gi, (found) => STRUCTURE[found.toLowerCase()] ?? found);
}
