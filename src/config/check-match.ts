import { METHODS } from 'node:http';
import { nearestName, type RouteMatch } from '../core/index.js';
import type { Finding, JsonPath } from './finding.js';
import { quote } from './finding.js';
import { hostProblem } from './host-name.js';
import { pathProblem } from './path-form.js';
import type { Salvaged } from './salvage.js';

/** RFC 9110 sections 9.3.6 and 9.3.8: CONNECT asks for a tunnel, TRACE echoes the credential back. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE']);

/** Checks which requests a route takes: the form of its prefix, host and methods. */
export function checkMatch(match: Salvaged<RouteMatch>, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const error = (key: JsonPath, message: string, nearest?: string): void => {
    findings.push({ path: [...path, ...key], severity: 'error', message, nearest });
  };
  const { pathPrefix, host, methods } = match;
  if (pathPrefix !== undefined) {
    const problem = prefixProblem(pathPrefix);
    if (problem !== undefined) error(['pathPrefix'], `found ${quote(pathPrefix)}; ${problem}`);
  }
  if (host !== undefined) {
    const problem = hostProblem(host, 'wildcard');
    if (problem !== undefined) {
      error(['host'], `found ${quote(host)}; ${problem.message}`, problem.nearest);
    }
  }
  const seen = new Set<string>();
  for (const [index, method] of (methods ?? []).entries()) {
    if (method === undefined) continue;
    const upper = method.toUpperCase();
    const here = ['methods', index];
    if (REFUSED_METHODS.has(upper)) error(here, `${upper} cannot be proxied; leave it out`);
    else if (!METHODS.includes(method)) {
      const nearest = METHODS.includes(upper) ? upper : nearestName(upper, METHODS);
      error(here, `found ${quote(method)}; a method in upper case is expected`, nearest);
    } else if (seen.has(method)) error(here, `${method} stands there twice`);
    seen.add(method);
  }
  return findings;
}

function prefixProblem(prefix: string): string | undefined {
  if (!prefix.startsWith('/')) return 'it must begin with "/"';
  if (prefix === '/') return undefined;
  if (prefix.endsWith('/')) return 'leave out the "/" at the end: whole segments match anyway';
  return pathProblem(prefix);
}
