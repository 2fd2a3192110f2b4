import {
  DEFAULT_REFUSED_CREDENTIAL,
  nearestName,
  PROBE_METHODS,
  type Probe,
  type RouteOptions,
} from '../core/index.js';
import { type Finding, type JsonPath, quote } from './finding.js';
import { pathProblem } from './path-form.js';
import type { Salvaged } from './salvage.js';

/** Checks how a credential is tried: a request that can be sent as it stands. */
export function checkProbe(probe: Salvaged<Probe>, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const { method, path: target } = probe;
  if (method !== undefined && !PROBE_METHODS.some((known) => known === method)) {
    const upper = method.toUpperCase();
    findings.push({
      path: [...path, 'method'],
      severity: 'error',
      message: `found ${quote(method)}; one of ${PROBE_METHODS.join(', ')} is expected: a probe changes nothing`,
      nearest: nearestName(upper, PROBE_METHODS),
    });
  } else if (method === 'POST') {
    findings.push({
      path: [...path, 'method'],
      severity: 'warning',
      message: 'it is sent again and again: only where this POST changes nothing at the upstream',
    });
  }
  const problem = target === undefined ? undefined : targetProblem(target);
  if (target !== undefined && problem !== undefined) {
    findings.push({
      path: [...path, 'path'],
      severity: 'error',
      // Of what may hold a value nothing is shown.
      message: target.includes('<<') ? problem : `found ${quote(target)}; ${problem}`,
    });
  }
  return findings;
}

/** A probe cannot expect what says that the credential is refused. `path` is the environment's, as it has both. */
export function checkExpectedStatus(
  route: Salvaged<RouteOptions>,
  own: Salvaged<RouteOptions>,
  path: JsonPath,
): Finding[] {
  const expected = (own.probe ?? route.probe)?.expectedStatus;
  const refused =
    own.refusedCredential?.statuses ??
    route.refusedCredential?.statuses ??
    DEFAULT_REFUSED_CREDENTIAL.statuses;
  if (expected === undefined || !refused.includes(expected)) return [];
  const message = `a probe expects status ${expected}, by which refusedCredential.statuses says that the credential is refused`;
  const key = own.probe === undefined ? 'refusedCredential' : 'probe';
  return [{ path: [...path, key], severity: 'error', message }];
}

/** What is wrong with the target of a probe: a path as routes have them, and maybe a query. */
function targetProblem(target: string): string | undefined {
  if (!target.startsWith('/')) return 'it must begin with "/"';
  if (target.includes('<<')) return 'a template is not possible here';
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  if (/[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a~]|#/.test(query)) {
    return 'its query holds a character that must be percent-encoded';
  }
  return pathProblem(path);
}
