import type { OidcSettings, Problem, SecretValue } from '../core/index.js';
import { addressClass } from './address-class.js';
import { readOidcRoles } from './oidc-roles.js';
import type { ReadFile } from './read-text.js';
import type { SettingName } from './setting-table.js';

export interface OidcInput {
  readonly text: (name: SettingName) => string | undefined;
  readonly secret: (name: SettingName) => SecretValue | undefined;
  readonly readFile: ReadFile;
  /** Takes what is wrong. */
  readonly problems: Problem[];
}

/** Undefined where no issuer is named, or something is wrong. */
export function oidcSettings(input: OidcInput): OidcSettings | undefined {
  const { text, secret, readFile, problems } = input;
  const report = (path: string, message: string): undefined => {
    problems.push({ path, message });
  };
  const issuer = text('oidcIssuer');
  const clientId = text('oidcClientId');
  const rolesFile = text('oidcRoles');
  const clientSecret = secret('oidcClientSecret');
  const caFile = text('oidcCa');
  if (issuer === undefined) {
    const others = [clientId, rolesFile, clientSecret, caFile];
    if (others.every((one) => one === undefined)) return undefined;
    return report('--oidc-issuer', 'missing; the other settings of OpenID Connect need it');
  }
  if (isInClear(issuer)) {
    report('--oidc-issuer', 'https:// is expected; http:// is taken on loopback alone');
  }
  if (clientId === undefined) report('--oidc-client-id', 'missing; --oidc-issuer needs it');
  const scopes = text('oidcScopes') ?? '';
  if (!SCOPES.test(scopes) || !scopes.split(' ').includes('openid')) {
    report('--oidc-scopes', 'scopes with one space between are expected, "openid" among them');
  }
  const consoleOrigin = consoleOriginOf(text('publicAdminUrl'), report);
  const roles =
    rolesFile === undefined
      ? report('--oidc-roles', 'missing; without it nobody would have a role')
      : readOidcRoles(rolesFile, readFile, problems);
  if (clientId === undefined || consoleOrigin === undefined || roles === undefined)
    return undefined;
  const roleClaim = text('oidcRoleClaim') ?? '';
  return { issuer, clientId, clientSecret, caFile, scopes, roleClaim, roles, consoleOrigin };
}

/** RFC 6749 section 3.3. */
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

function isInClear(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && addressClass(hostname) !== 'loopback';
}

function consoleOriginOf(
  address: string | undefined,
  report: (path: string, message: string) => undefined,
): string | undefined {
  const flag = '--public-admin-url';
  if (address === undefined) {
    return report(flag, 'missing; the provider sends people back there, so --oidc-issuer needs it');
  }
  if (isInClear(address)) {
    return report(flag, 'https:// is expected with --oidc-issuer, unless it is on loopback');
  }
  const { origin, pathname } = new URL(address);
  return pathname === '/'
    ? origin
    : report(flag, 'no path is expected with --oidc-issuer: the console is served at /');
}
