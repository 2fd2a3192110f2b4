/**
 * The keys that a JSON pointer (RFC 6901) leads through, from the root; undefined when it is none, or is the
 * whole document.
 */
export function pointerTokens(pointer: string): string[] | undefined {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}
