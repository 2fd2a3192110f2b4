/** Never asked: only what it makes of a path counts. */
const BASE = 'http://console.invalid';
const LONGEST = 1000;

/** A page of the console to go to after signing in; `/` in place of anything that may lead elsewhere. */
export function returnPath(given: unknown): string {
  if (typeof given !== 'string' || given.length > LONGEST || !given.startsWith('/')) return '/';
  if (!URL.canParse(given, BASE)) return '/';
  const { origin, pathname, search } = new URL(given, BASE);
  const path = pathname + search;
  // Encoded, it may be longer, and a cookie keeps it for the way to the provider and back.
  const leadsAway = origin !== BASE || pathname.startsWith('//') || path.length > LONGEST;
  return leadsAway || /^\/sign-(?:in|out)(?:\/|$)/.test(pathname) ? '/' : path;
}
