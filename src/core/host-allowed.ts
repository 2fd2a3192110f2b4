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
