import { X509Certificate } from 'node:crypto';
import type { RouteEnvironment, RouteTls } from '../core/index.js';
import { addressClass } from './address-class.js';
import { type Finding, type JsonPath, quote } from './finding.js';
import { hostProblem } from './host-name.js';
import { pathProblem } from './path-form.js';
import type { Salvaged } from './salvage.js';

/** Options that decide whether an upstream may be used, the environment's own over the route's. */
interface Allowances {
  readonly allowPrivateNetwork: boolean;
  readonly allowInsecureUpstream: boolean;
}

/** Checks where an environment sends its requests. `path` is the environment's. */
export function checkUpstream(
  { upstream }: Salvaged<RouteEnvironment>,
  allowances: Allowances,
  path: JsonPath,
): Finding[] {
  if (upstream === undefined) return [];
  const error = (message: string): Finding => ({
    path: [...path, 'upstream'],
    severity: 'error',
    message,
  });
  const form = formProblem(upstream);
  // The text may hold a password: it is not shown.
  if (form !== undefined) return [error(form)];
  const { protocol, hostname } = new URL(upstream);
  const kind = addressClass(hostname);
  const findings: Finding[] = [];
  if (protocol === 'http:' && kind !== 'loopback' && !allowances.allowInsecureUpstream) {
    findings.push(
      error(
        `found ${quote(upstream)}; http: sends the secret in clear: write https:, or set "allowInsecureUpstream": true`,
      ),
    );
  }
  if (kind !== 'other' && !allowances.allowPrivateNetwork) {
    findings.push(
      error(
        `found ${quote(upstream)}; ${hostname} is a ${kind} address: set "allowPrivateNetwork": true to allow it`,
      ),
    );
  }
  return findings;
}

function formProblem(upstream: string): string | undefined {
  if (upstream.includes('<<') || upstream.includes('{{')) {
    return 'a template is not possible here; place secrets in headers, query or path';
  }
  if (/[\s\p{Cc}\\]/u.test(upstream)) {
    return 'white space, control characters and backslashes do not belong in a URL';
  }
  if (!/^https?:\/\//.test(upstream)) {
    return 'a URL that begins with https:// (or http://) is expected';
  }
  if (!URL.canParse(upstream)) return 'this is not a URL: https://HOST[:PORT][/PATH] is expected';
  const { username, password, hostname } = new URL(upstream);
  const afterScheme = upstream.slice(upstream.indexOf('://') + 3);
  const slash = afterScheme.search(/[/?#]/);
  const authority = slash === -1 ? afterScheme : afterScheme.slice(0, slash);
  if (username !== '' || password !== '' || authority.includes('@')) {
    return 'a user name or password does not belong in it; place <<basic:USER_SECRET,PASSWORD_SECRET>> in headers';
  }
  if (authority.endsWith(':')) return 'the port after ":" is missing';
  // It would be another name to "allowedHosts", and in SNI.
  if (hostname.endsWith('.')) return 'leave out the dot at the end of the host';
  const rest = slash === -1 ? '' : afterScheme.slice(slash);
  if (rest === '' || rest === '/') return undefined;
  if (rest.startsWith('/') && rest.endsWith('/') && !/[?#]/.test(rest)) {
    return 'leave out the "/" at the end: the path of the request is put after it';
  }
  return pathProblem(rest);
}

/** Checks the certificates and the name that an upstream is verified with. `path` is that of `tls`. */
export function checkTls(tls: Salvaged<RouteTls>, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const { ca, serverName } = tls;
  const problem = ca === undefined ? undefined : certificateProblem(ca);
  if (problem !== undefined)
    findings.push({ path: [...path, 'ca'], severity: 'error', message: problem });
  const name = serverName === undefined ? undefined : hostProblem(serverName, 'exact');
  if (name !== undefined) {
    findings.push({
      path: [...path, 'serverName'],
      severity: 'error',
      message: `found ${quote(serverName ?? '')}; ${name.message}`,
      nearest: name.nearest,
    });
  }
  return findings;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function certificateProblem(pem: string): string | undefined {
  if (pem.includes('PRIVATE KEY')) {
    return 'it holds a private key; only certificates belong here, and that key must be replaced';
  }
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) {
    return 'the text of a PEM certificate is expected ("-----BEGIN CERTIFICATE-----" …), not the name of a file';
  }
  const bad = certificates.findIndex((certificate) => !isCertificate(certificate));
  return bad === -1 ? undefined : `certificate ${bad + 1} of ${certificates.length} cannot be read`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
