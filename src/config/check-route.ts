import type { Placements, Route, RouteOptions } from '../core/index.js';
import { checkBody, checkPath } from './check-body.js';
import { checkExpectedStatus, checkProbe } from './check-credential.js';
import { checkMatch } from './check-match.js';
import { checkHeaders, checkQuery } from './check-placements.js';
import { checkOverlaps, checkSigning } from './check-signing.js';
import { checkTls, checkUpstream } from './check-upstream.js';
import type { Finding, JsonPath } from './finding.js';
import type { Salvaged } from './salvage.js';

/** Checks what one route means, as far as the document alone can tell. */
export function checkRoute(route: Salvaged<Route>, path: JsonPath): Finding[] {
  const environments = Object.entries(route.environments ?? {});
  return [
    ...checkMatch(route.match ?? {}, [...path, 'match']),
    ...checkSettings(route, path),
    ...environments.flatMap(([name, environment]) => {
      if (environment === undefined) return [];
      const here = [...path, 'environments', name];
      const allows = (key: 'allowPrivateNetwork' | 'allowInsecureUpstream'): boolean =>
        environment[key] ?? route[key] ?? false;
      const allowances = {
        allowPrivateNetwork: allows('allowPrivateNetwork'),
        allowInsecureUpstream: allows('allowInsecureUpstream'),
      };
      return [
        ...checkUpstream(environment, allowances, here),
        ...checkSettings(environment, here),
        ...checkOverlaps(merge(route, environment), here),
        ...checkExpectedStatus(route, environment, here),
      ];
    }),
  ];
}

function checkSettings(settings: Salvaged<RouteOptions & Placements>, path: JsonPath): Finding[] {
  return [
    ...checkHeaders(settings.headers ?? {}, [...path, 'headers']),
    ...checkQuery(settings.query ?? {}, [...path, 'query']),
    ...(settings.path === undefined ? [] : checkPath(settings.path, [...path, 'path'])),
    ...checkBody(settings.body ?? {}, [...path, 'body']),
    ...(settings.sign === undefined ? [] : checkSigning(settings.sign, [...path, 'sign'])),
    ...checkTls(settings.tls ?? {}, [...path, 'tls']),
    ...checkProbe(settings.probe ?? {}, [...path, 'probe']),
  ];
}

/** What an environment ends up with. */
function merge(route: Salvaged<Placements>, own: Salvaged<Placements>): Salvaged<Placements> {
  return {
    headers: { ...route.headers, ...own.headers },
    sign: own.sign ?? route.sign,
    body: own.body ?? route.body,
  };
}

/**
 * Checks that a route says which requests it takes and where it exists. Reads the raw document: a part that
 * is there but misshapen is not also called missing.
 */
export function checkPresence(route: unknown, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const { match, environments } = (route ?? {}) as { match?: unknown; environments?: unknown };
  if (isObject(match) && !('pathPrefix' in match) && !('host' in match)) {
    const message = 'pathPrefix, host, or both are expected; "/" as pathPrefix matches every path';
    findings.push({ path: [...path, 'match'], severity: 'error', message });
  }
  if (!isObject(environments)) return findings;
  const here = [...path, 'environments'];
  if (Object.keys(environments).length === 0) {
    const message = 'at least one environment is expected; without one the route exists nowhere';
    findings.push({ path: here, severity: 'error', message });
  }
  return findings;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
