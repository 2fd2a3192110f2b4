import type { Route, RouteMatch } from '../core/index.js';
import { type Finding, type JsonPath, MOST_FINDINGS, quote } from './finding.js';
import type { Salvaged } from './salvage.js';

/**
 * Finds routes that would take the same requests. Of all routes that match a request the most specific one
 * takes it; specificity is compared step by step:
 *
 * 1. host: an exact name, then the longer `*.` suffix, then the shorter, then no host;
 * 2. pathPrefix: more segments before fewer (no prefix counts as "/", no segments);
 * 3. methods: a list before none.
 *
 * Two matching prefixes of as many segments are equal, and so are two matching suffixes of one length: so only
 * routes that are equal in all three steps, and whose methods overlap, are left without an order. Names of
 * hosts are compared without case (RFC 9110 section 4.2.3), paths with it.
 */
export function findConflicts(
  routes: readonly (Salvaged<Route> | undefined)[],
  path: JsonPath,
): Finding[] {
  const findings: Finding[] = [];
  const groups = new Map<string, { name: string; methods: readonly (string | undefined)[] }[]>();
  const names = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    if (findings.length >= MOST_FINDINGS) break;
    if (route === undefined) continue;
    const { name, match } = route;
    if (name !== undefined) {
      const first = names.get(name);
      if (first !== undefined) {
        const message = `routes[${first}] has the name ${quote(name)} too; names are unique`;
        findings.push({ path: [...path, index, 'name'], severity: 'error', message });
      } else names.set(name, index);
    }
    const place = match === undefined ? undefined : placeOf(match);
    if (match === undefined || place === undefined) continue;
    const own = { name: name ?? `routes[${index}]`, methods: match.methods ?? [] };
    const group = groups.get(place) ?? [];
    const other = group.find((candidate) => overlap(candidate.methods, own.methods));
    if (other !== undefined) {
      const message = `${quote(own.name)} and ${quote(other.name)} match the same requests; change the host, pathPrefix or methods of one`;
      findings.push({ path: [...path, index, 'match'], severity: 'error', message });
    }
    group.push(own);
    groups.set(place, group);
  }
  return findings;
}

/** What two routes have in common when neither is more specific; undefined where the match says nothing. */
function placeOf({ host, pathPrefix, methods }: Salvaged<RouteMatch>): string | undefined {
  if (host === undefined && pathPrefix === undefined) return undefined;
  const step = methods === undefined ? 'any' : 'listed';
  return JSON.stringify([host?.toLowerCase() ?? '', pathPrefix ?? '/', step]);
}

function overlap(
  left: readonly (string | undefined)[],
  right: readonly (string | undefined)[],
): boolean {
  if (left.length === 0 && right.length === 0) return true;
  return left.some((method) => method !== undefined && right.includes(method));
}
