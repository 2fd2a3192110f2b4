/** Never asked: only what it makes of a path counts. */
const BASE = 'http://console.invalid';
const LONGEST = 1000;

/** A page of the console to go to after signing in; `/` in place of anything that may lead elsewhere. */
export function returnPath(given: unknown): string {
  if (typeof given !== 'string' || given.length > LONGEST || !given.startsWith('/')) return '/';
  if (!URL.canParse(given, BASE)) return '/';
  const { origin, pathname, search } = new URL(given, BASE);
  const leadsAway = origin !== BASE || pathname.startsWith('//');
  return leadsAway || /^\/sign-(?:in|out)(?:\/|$)/.test(pathname) ? '/' : pathname + search;
}
