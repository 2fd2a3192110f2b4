import { expect, test } from 'vitest';
import { loadSettings } from '../../src/config/index.js';
import { AppError, type Problem } from '../../src/core/index.js';

const GOOD = {
  '--oidc-issuer': 'https://sso.example.com/realms/main',
  '--oidc-client-id': 'keyferry',
  '--oidc-roles': 'roles.json',
  '--public-admin-url': 'https://keyferry.example.com',
};
const ROLES = '[{ "value": "ops", "role": "admin" }, /* all */ { "value": "x", "role": "viewer" }]';

function load(
  flags: Readonly<Record<string, unknown>>,
  roles = ROLES,
  environment: Readonly<Record<string, string>> = {},
) {
  const readFile = (file: string): string => {
    if (file === 'roles.json') return roles;
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  };
  return loadSettings({ flags, environment, readFile });
}

function problemsOf(flags: Readonly<Record<string, unknown>>, roles = ROLES): readonly Problem[] {
  try {
    load(flags, roles);
  } catch (error) {
    if (error instanceof AppError && error.code === 'config_invalid') return error.problems;
    throw error;
  }
  return [];
}

test('OpenID Connect is off unless an issuer is named, and the secret is shown nowhere', () => {
  expect(load({}).oidc).toBeUndefined();
  const { oidc } = load(GOOD, ROLES, { KEYFERRY_OIDC_CLIENT_SECRET: 's3cr3t-of-it' });
  expect(oidc).toMatchObject({
    issuer: 'https://sso.example.com/realms/main',
    clientId: 'keyferry',
    scopes: 'openid email profile',
    roleClaim: 'groups',
    consoleOrigin: 'https://keyferry.example.com',
    roles: [
      { value: 'ops', role: 'admin', environments: null, secretPrefix: null },
      { value: 'x', role: 'viewer', environments: null, secretPrefix: null },
    ],
  });
  expect(Buffer.from(oidc?.clientSecret?.expose() ?? []).toString()).toBe('s3cr3t-of-it');
  expect(JSON.stringify(oidc)).not.toContain('s3cr3t');
});

test.each([
  [{ '--oidc-issuer': undefined }, '--oidc-issuer', 'missing'],
  [{ '--oidc-client-id': undefined }, '--oidc-client-id', 'missing'],
  [{ '--oidc-roles': undefined }, '--oidc-roles', 'missing'],
  [{ '--oidc-roles': 'none.json' }, '--oidc-roles', 'cannot be read (ENOENT)'],
  [{ '--public-admin-url': undefined }, '--public-admin-url', 'missing'],
  [{ '--public-admin-url': 'https://example.com/keyferry' }, '--public-admin-url', 'no path'],
  [{ '--public-admin-url': 'http://keyferry.example.com' }, '--public-admin-url', 'https:// is'],
  [{ '--oidc-issuer': 'http://sso.example.com' }, '--oidc-issuer', 'https:// is expected'],
  [{ '--oidc-issuer': 'http://10.0.0.1' }, '--oidc-issuer', 'https:// is expected'],
  [{ '--oidc-scopes': 'email profile' }, '--oidc-scopes', '"openid" among them'],
  [{ '--oidc-scopes': 'openid  email' }, '--oidc-scopes', 'one space'],
])('%j is refused', (change, path, message) => {
  const flags = { ...GOOD, ...change };
  expect(problemsOf(flags)).toEqual([{ path, message: expect.stringContaining(message) }]);
});

test('a provider and a console on loopback may be without TLS', () => {
  const flags = {
    ...GOOD,
    '--oidc-issuer': 'http://localhost:9000',
    '--public-admin-url': 'http://127.0.0.1:8081/',
  };
  expect(problemsOf(flags)).toEqual([]);
});

test.each([
  ['[]', '$', 'found a list of 0 items'],
  ['{}', '$', 'a list is expected'],
  ['[{ "value": "a" }]', '[0].role', 'expected one of viewer, operator, admin'],
  ['[{ "value": "a", "role": "root" }]', '[0].role', 'expected one of viewer, operator, admin'],
  ['[{ "value": "", "role": "viewer" }]', '[0].value', 'an empty string'],
  ['[{ "value": "a", "role": "viewer", "rol": 1 }]', '[0].rol', 'known: value, role'],
  ['[{ "value": "a", "role": "viewer", "environments": [] }]', '[0].environments', '0 items'],
  [
    '[{ "value": "a", "role": "viewer", "environments": ["Prod"] }]',
    '[0].environments[0]',
    'the name of an environment',
  ],
  ['[{ "value": "a", "role": "viewer", "secretPrefix": "1" }]', '[0].secretPrefix', 'a letter'],
  ['[{ "value": "a", "value": "b", "role": "viewer" }]', '[0].value', 'more than once'],
])('a roles file of %s is refused', (roles, path, message) => {
  const [problem, ...more] = problemsOf(GOOD, roles);
  expect(more).toEqual([]);
  expect(problem).toMatchObject({
    path: `roles.json: ${path}`,
    message: expect.stringContaining(message),
    line: 1,
  });
});
