import type { EffectiveRoute } from './route.js';

/**
 * Whether a secret with these `allowedHosts` may be sent to `host`: an exact name, or `*.example.com` for
 * every name below it (not itself). None listed = any host. Compared without case.
 */
export function hostAllowed(host: string, allowedHosts: readonly string[]): boolean {
  if (allowedHosts.length === 0) return true;
  const name = host.toLowerCase();
  return allowedHosts.some((allowed) => {
    const pattern = allowed.toLowerCase();
    return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
  });
}

/**
 * The first name on a secret's way that its `allowedHosts` leave out: the upstream's host, and the name that its
 * certificate is verified against where the route says another one: whoever holds that certificate gets the
 * secret. Undefined where the secret may go there.
 */
export function refusedHost(
  { upstream, tls }: Pick<EffectiveRoute, 'upstream' | 'tls'>,
  allowedHosts: readonly string[],
): string | undefined {
  const names = [upstream.hostname, tls.serverName ?? upstream.hostname];
  return names.find((name) => !hostAllowed(name, allowedHosts));
}
