const NOT_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@%/]/;
/** Also with path parameters (`..;x`), which some servers cut off before they resolve dots. */
const DOT_SEGMENT = /^\.{1,2}(?:;|%3b|$)/i;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/**
 * What is wrong with a path that begins with "/"; undefined when it is in the one form that can be compared
 * with a raw request target: RFC 3986 `path-absolute`, without empty or dot segments, and without an escape
 * that hides one of them or stands for a character that needs none (section 6.2.2.2).
 */
export function pathProblem(path: string): string | undefined {
  if (path.includes('?')) return 'a query does not belong here';
  if (path.includes('#')) return 'a fragment does not belong here';
  if (path.includes('\\')) return 'a backslash does not belong here';
  if (path.includes('//')) return 'an empty segment ("//") does not belong here';
  const strange = NOT_PATH.exec(path)?.[0];
  if (strange !== undefined) {
    return `the character ${JSON.stringify(strange)} must be percent-encoded (UTF-8)`;
  }
  const hidden = escapeProblem(path);
  if (hidden !== undefined) return hidden;
  const dots = path.split('/').some((segment) => DOT_SEGMENT.test(segment));
  return dots ? '"." and ".." segments do not belong here' : undefined;
}

function escapeProblem(path: string): string | undefined {
  for (const [triplet, digits] of path.matchAll(/%(.{0,2})/g)) {
    if (!/^[0-9A-Fa-f]{2}$/.test(digits ?? '')) return '"%" needs two hexadecimal digits after it';
    const code = Number.parseInt(digits ?? '', 16);
    const character = String.fromCharCode(code);
    if (UNRESERVED.test(character)) return `write "${character}" instead of ${triplet}`;
    if (character === '/' || character === '\\') {
      return `${triplet} hides a "${character}": some servers split there, others do not`;
    }
    if (code < 0x20 || code === 0x7f) return `${triplet} is a control character`;
  }
  return undefined;
}
