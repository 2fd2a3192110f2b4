import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { visitConsole } from '../support/console-visit.js';
import { CookieVisit } from '../support/cookie-visit.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { PATIENCE_MS } from '../support/patience.js';
import {
  type Lies,
  type LyingProvider,
  startLyingProvider,
  type TokenParts,
} from '../support/start-lying-provider.js';
import {
  CLIENT_SECRET,
  type OidcConsole,
  ROLES,
  startOidcConsole,
} from '../support/start-oidc-console.js';

const ADMIN = { groups: ['keyferry-admins'], email: 'm@example.com', email_verified: true };

interface Scene {
  readonly provider: LyingProvider;
  readonly keyferry: OidcConsole;
}

async function start(flags: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const provider = await startLyingProvider();
  provider.person.claims = ADMIN;
  const keyferry = await startOidcConsole({ issuer: () => provider.issuer, flags });
  return { provider, keyferry };
}

interface Begun {
  readonly visit: CookieVisit;
  readonly state: string;
  readonly nonce: string;
}

async function begin({ keyferry }: Scene, to = '/'): Promise<Begun> {
  const visit = new CookieVisit();
  const query = new URLSearchParams({ to });
  const answer = await visit.request(`${keyferry.origin}/sign-in/oidc?${query}`);
  expect(answer.status).toBe(303);
  const url = new URL(answer.headers.get('location') ?? '');
  expect(url.searchParams.get('code_challenge_method')).toBe('S256');
  expect(url.href).not.toContain(CLIENT_SECRET);
  return {
    visit,
    state: url.searchParams.get('state') ?? '',
    nonce: url.searchParams.get('nonce') ?? '',
  };
}

const callback = (keyferry: OidcConsole, query: Record<string, string>): string =>
  `${keyferry.origin}/sign-in/oidc/callback?${new URLSearchParams(query)}`;

/** The way there and back, with a provider that says what it says. */
async function signIn(
  scene: Scene,
  to?: string,
): Promise<{ visit: CookieVisit; answer: Response }> {
  const { visit, state, nonce } = await begin(scene, to);
  scene.provider.person.nonce = nonce;
  const answer = await visit.request(callback(scene.keyferry, { code: 'a-code', state }));
  return { visit, answer };
}

const sessionOf = ({ keyferry }: Scene, visit: CookieVisit): string | undefined =>
  visit.cookies.get(keyferry.origin)?.get('keyferry_session');

const tokenRequests = ({ provider }: Scene): number =>
  provider.requests.filter(({ path }) => path === '/token').length;

afterEach(() => {
  vi.useRealTimers();
});

async function expectHonest(scene: Scene): Promise<void> {
  const { visit, answer } = await signIn(scene);
  expect(answer.status).toBe(200);
  expect(sessionOf(scene, visit)).toMatch(/^kfs_/);
  const page = await visit.request(`${scene.keyferry.origin}/secrets`);
  expect(await page.text()).toContain('oidc:m@example.com');
}

const claims =
  (change: Record<string, unknown>): Required<Lies>['idToken'] =>
  (honest: TokenParts) => ({ ...honest, claims: { ...honest.claims, ...change } });
const nowS = Math.floor(Date.now() / 1000);

const FORGED: readonly [string, Required<Lies>['idToken']][] = [
  ['the nonce of another attempt', claims({ nonce: 'another' })],
  ['no nonce', claims({ nonce: undefined })],
  ['another audience', claims({ aud: 'another-client' })],
  ['a list of other audiences', claims({ aud: ['another-client', 'a-third'] })],
  ['another authorized party', claims({ aud: ['console', 'other'], azp: 'other' })],
  ['another issuer', claims({ iss: 'https://accounts.google.com' })],
  ['no issuer', claims({ iss: undefined })],
  ['a time that is over', claims({ exp: nowS - 600, iat: nowS - 900 })],
  ['a time that has not begun', claims({ nbf: nowS + 3600 })],
  ['no end', claims({ exp: undefined })],
  ['no subject', claims({ sub: undefined })],
  ['a subject that no list could show', claims({ sub: 'a\u0000b' })],
  ['a subject without end', claims({ sub: 'a'.repeat(256) })],
  [
    'no signature, and alg none',
    (honest) => ({ ...honest, header: { alg: 'none' }, signature: 'none' }),
  ],
  ['no signature', (honest) => ({ ...honest, signature: 'none' })],
  ['the signature of another key', (honest) => ({ ...honest, signature: 'other-key' })],
  ['the signature of other claims', (honest) => ({ ...honest, signature: 'of-other-claims' })],
  [
    'the public key as a shared secret',
    (honest) => ({
      ...honest,
      header: { ...honest.header, alg: 'HS256' },
      signature: 'public-key-as-secret',
    }),
  ],
];

test('an ID token that was forged, made for others or is over signs nobody in', async () => {
  const scene = await start();
  await expectHonest(scene);
  for (const [what, lie] of FORGED) {
    scene.provider.lies.idToken = lie;
    const { visit, answer } = await signIn(scene);
    const text = await answer.text();
    expect({ what, status: answer.status }).toEqual({ what, status: 401 });
    expect(text).toContain('Admin token');
    expect(sessionOf(scene, visit)).toBeUndefined();
    expect((await visit.request(`${scene.keyferry.origin}/secrets`)).status).toBe(303);
  }
  expect(await scene.keyferry.sessionRows()).toHaveLength(1);
});

test('a token endpoint that answers something else signs nobody in, and nothing of it is shown', async () => {
  const scene = await start();
  const json = { 'content-type': 'application/json' };
  const bodies: [number, Record<string, string>, string][] = [
    [200, json, JSON.stringify({ access_token: 'x', token_type: 'bearer' })],
    [200, json, JSON.stringify({ access_token: 'x', token_type: 'bearer', id_token: 'a.b.c' })],
    [200, json, '["a list with canary-5511"]'],
    [200, { 'content-type': 'text/html' }, '<script>canary-5511</script>'],
    [400, json, JSON.stringify({ error: 'canary-5511', error_description: 'canary-5511' })],
    [400, json, JSON.stringify({ error: 'invalid_client', error_description: 'canary-5511' })],
    [302, { location: 'http://127.0.0.1:1/canary-5511' }, ''],
    [500, {}, 'canary-5511'],
  ];
  for (const [status, headers, body] of bodies) {
    scene.provider.lies.answer = (path, response) => {
      if (path !== '/token') return false;
      response.writeHead(status, headers).end(body);
      return true;
    };
    const { visit, answer } = await signIn(scene);
    const text = await answer.text();
    expect({ body, status: answer.status }).toEqual({ body, status: 401 });
    expect(text).not.toContain('canary-5511');
    expect(sessionOf(scene, visit)).toBeUndefined();
  }
  delete scene.provider.lies.answer;
  await expectHonest(scene);
});

test('whoever comes back without having gone signs nobody in, and the provider is not asked', async () => {
  const scene = await start();
  const { keyferry } = scene;
  const victim = await begin(scene);
  const attacker = await begin(scene);
  const cookieOf = ({ visit }: Begun): string =>
    visit.cookies.get(keyferry.origin)?.get('keyferry_sign_in') ?? '';
  const [text = '', mac = ''] = cookieOf(victim).split('.');
  const kept = JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
  const altered = Buffer.from(JSON.stringify({ ...kept, state: 'chosen' })).toString('base64url');
  const tries: [what: string, cookie: string, query: string][] = [
    ['without a cookie', '', `code=c&state=${attacker.state}`],
    ['with the state of another', cookieOf(victim), `code=c&state=${attacker.state}`],
    ['without a state', cookieOf(victim), 'code=c'],
    ['with another state first', cookieOf(victim), `code=c&state=x&state=${victim.state}`],
    ['with a cookie that was altered', `${altered}.${mac}`, 'code=c&state=chosen'],
    ['with a cookie of nobody', `${altered}.${'A'.repeat(43)}`, 'code=c&state=chosen'],
    ['with a cookie without a hash', altered, 'code=c&state=chosen'],
  ];
  for (const [what, cookie, query] of tries) {
    const answer = await fetch(`${keyferry.origin}/sign-in/oidc/callback?${query}`, {
      headers: { cookie: `keyferry_sign_in=${cookie}` },
      redirect: 'manual',
    });
    expect({ what, status: answer.status }).toEqual({ what, status: 401 });
    expect(answer.headers.getSetCookie()).toEqual([]);
  }
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 });
  const query = { code: 'c', state: victim.state };
  expect((await victim.visit.request(callback(keyferry, query))).status).toBe(401);
  expect(tokenRequests(scene)).toBe(0);
  vi.useRealTimers();
  scene.provider.person.nonce = victim.nonce;
  // None of that has spoilt the victim's own attempt.
  expect((await victim.visit.request(callback(keyferry, query))).status).toBe(200);
  // Where it is over in the browser, it is over.
  expect((await victim.visit.request(callback(keyferry, query))).status).toBe(401);
  expect(tokenRequests(scene)).toBe(1);
  expect(
    scene.provider.requests.find(({ path }) => path === '/token')?.form.get('code_verifier'),
  ).toBe(kept.verifier);
});

test('an error or another issuer in the way back signs nobody in', async () => {
  const scene = await start();
  const queries: Record<string, string>[] = [
    { error: 'access_denied', error_description: '<b>canary-5511</b>' },
    { error: '<script>canary-5511</script>' },
    { code: 'a-code', iss: 'https://another.example' },
    { code: 'a-code', id_token: 'a.b.c' },
    {},
  ];
  for (const query of queries) {
    const { visit, state } = await begin(scene);
    const answer = await visit.request(callback(scene.keyferry, { ...query, state }));
    expect({ query, status: answer.status }).toEqual({ query, status: 401 });
    expect(await answer.text()).not.toContain('canary-5511');
    expect(sessionOf(scene, visit)).toBeUndefined();
  }
  expect(tokenRequests(scene)).toBe(0);
});

test('after signing in nothing leads out of the console', async () => {
  const scene = await start();
  const { keyferry } = scene;
  const paths: [to: string, expected: string][] = [
    ['https://attacker.example/', '/'],
    ['//attacker.example/', '/'],
    ['/\\attacker.example', '/'],
    ['\\\\attacker.example', '/'],
    ['/\t/attacker.example', '/'],
    ['/..//attacker.example', '/'],
    ['/%2e%2e//attacker.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/sign-in/oidc', '/'],
    ['/sign-out', '/'],
    [`/${'a'.repeat(2000)}`, '/'],
    [`/secrets?search=${'ä'.repeat(900)}`, '/'],
    ['/secrets?q=a b;url=//attacker.example', '/secrets?q=a%20b;url=//attacker.example'],
    ['/secrets/päyments', '/secrets/p%C3%A4yments'],
    ['/secrets\r\nx: y', '/secretsx:%20y'],
  ];
  for (const [to, expected] of paths) {
    const { answer } = await signIn(scene, to);
    expect({ to, refresh: answer.headers.get('refresh') }).toEqual({
      to,
      refresh: `0;url=${expected}`,
    });
    const byToken = await fetch(`${keyferry.origin}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: keyferry.origin },
      body: new URLSearchParams({ token: keyferry.token, to }),
    });
    expect({ to, location: byToken.headers.get('location') }).toEqual({ to, location: expected });
  }
  const asked = await fetch(`${keyferry.origin}/secrets?q=a`, { redirect: 'manual' });
  expect(asked.headers.get('location')).toBe('/sign-in?to=%2Fsecrets%3Fq%3Da');
  const places = [
    ['https://keyferry.example.com/cutovers/1?a=b#c', '/sign-in?to=%2Fcutovers%2F1%3Fa%3Db'],
    ['https://keyferry.example.com//attacker.example', '/sign-in'],
    ['javascript:alert(1)', '/sign-in'],
    ['nowhere', '/sign-in'],
  ] as const;
  for (const [page, expected] of places) {
    const part = await fetch(`${keyferry.origin}/cutovers/1/live`, {
      headers: { 'hx-request': 'true', 'hx-current-url': page },
    });
    const { status, headers } = part;
    expect([page, status, headers.get('hx-redirect')]).toEqual([page, 204, expected]);
  }
});

test('a page of somebody else sends nobody to the provider', async () => {
  const scene = await start();
  for (const site of ['cross-site', 'same-site']) {
    const answer = await fetch(`${scene.keyferry.origin}/sign-in/oidc?to=/secrets`, {
      headers: { 'sec-fetch-site': site },
      redirect: 'manual',
    });
    expect(answer.headers.get('location')).toBe('/sign-in?to=%2Fsecrets');
    expect(answer.headers.getSetCookie()).toEqual([]);
  }
  expect(scene.provider.requests).toEqual([]);
});

test('claims that nobody has verified, or that are somebody else’s, give no role', async () => {
  const scene = await start();
  const { provider, keyferry } = scene;
  provider.person.claims = { email: 'm@example.com', email_verified: true };
  provider.lies.userinfo = () => ({ sub: 'subject-of-somebody-else', groups: ['keyferry-admins'] });
  expect((await signIn(scene)).answer.status).toBe(401);
  provider.lies.userinfo = (honest) => ({ ...honest, groups: ['keyferry-admin'] });
  expect((await signIn(scene)).answer.status).toBe(403);
  const values: unknown[] = ['keyferry', ['keyferry-admins '], { 0: 'keyferry-admins' }, null, 1];
  for (const groups of values) {
    provider.person.claims = { groups };
    expect({ groups, status: (await signIn(scene)).answer.status }).toEqual({
      groups,
      status: 403,
    });
  }
  provider.person.claims = { groups: 'everybody', email: 'admin\u202e@example.com' };
  const { answer, visit } = await signIn(scene);
  expect(answer.status).toBe(200);
  const page = await visit.request(`${keyferry.origin}/secrets`);
  expect(await page.text()).toContain('oidc:subject-of-mallory');
  const rows = await keyferry.sessionRows();
  expect(rows.map(({ action }) => action)).toEqual([
    'session.start',
    ...Array.from({ length: 6 }, () => 'session.refuse'),
  ]);
});

test('nobody stands in the audit log under an address that the provider has not verified', async () => {
  const scene = await start();
  const { provider, keyferry } = scene;
  const email = 'chief@example.com';
  const claims: [claims: object, name: string][] = [
    [{ email, email_verified: true }, email],
    [{ email }, 'subject-of-mallory'],
    [{ email, email_verified: 'true', preferred_username: 'mallory' }, 'mallory'],
    [{ email, email_verified: false, preferred_username: email }, 'subject-of-mallory'],
    [{ preferred_username: 'mallory@example.com' }, 'mallory@example.com'],
  ];
  for (const [more] of claims) {
    provider.person.claims = { groups: 'everybody', ...more };
    expect((await signIn(scene)).answer.status).toBe(200);
  }
  const rows = await keyferry.sessionRows();
  expect(rows.toReversed()).toMatchObject(
    claims.map(([, name]) => ({ actor: { name: `oidc:${name}` } })),
  );
});

test('an address gives a role only where it is verified, and a claim may lie deeper', async () => {
  const roles = [{ value: 'm@example.com', role: 'viewer' }];
  const provider = await startLyingProvider();
  const flags = { '--oidc-role-claim': 'email' };
  const keyferry = await startOidcConsole({ issuer: () => provider.issuer, flags, roles });
  const scene = { provider, keyferry };
  for (const email_verified of [false, undefined, 'true']) {
    provider.person.claims = { email: 'm@example.com', email_verified };
    expect((await signIn(scene)).answer.status).toBe(403);
  }
  provider.person.claims = { email: 'm@example.com', email_verified: true };
  expect((await signIn(scene)).answer.status).toBe(200);
  const deep = await start({ '--oidc-role-claim': 'realm_access.roles' });
  deep.provider.person.claims = { realm_access: { roles: ['everybody'] } };
  expect((await signIn(deep)).answer.status).toBe(200);
  deep.provider.person.claims = { 'realm_access.roles': ['nothing'], realm_access: 'everybody' };
  expect((await signIn(deep)).answer.status).toBe(403);
});

test('a provider that lies about itself, or answers nonsense or without end, is not gone to', async () => {
  const scene = await start();
  const { provider, keyferry } = scene;
  const json = { 'content-type': 'application/json' };
  const documents: [what: string, Required<Lies>['discovery']][] = [
    ['another issuer', (honest) => ({ ...honest, issuer: 'https://accounts.google.com' })],
    ['no issuer', ({ issuer: _, ...rest }) => rest],
    ['no page to go to', ({ authorization_endpoint: _, ...rest }) => rest],
    ['a script', (honest) => ({ ...honest, authorization_endpoint: 'javascript:alert(1)' })],
    ['a list', () => []],
  ];
  const bodies: [what: string, status: number, headers: Record<string, string>, body: string][] = [
    ['a page', 200, { 'content-type': 'text/html' }, '<p>canary-5511'],
    ['broken JSON', 200, json, '{"issuer": canary-5511'],
    ['too much', 200, json, JSON.stringify({ issuer: provider.issuer, x: 'x'.repeat(300_000) })],
    ['an error', 500, json, '{"error":"canary-5511"}'],
    ['a redirect', 302, { location: `${provider.issuer}/elsewhere` }, ''],
  ];
  const tryIt = async (what: string): Promise<void> => {
    const answer = await fetch(`${keyferry.origin}/sign-in/oidc`, { redirect: 'manual' });
    const text = await answer.text();
    expect({ what, status: answer.status }).toEqual({ what, status: 503 });
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(text).toContain('127.0.0.1');
    expect(text).toContain('Admin token');
    expect(text).not.toContain('canary-5511');
  };
  for (const [what, lie] of documents) {
    provider.lies.discovery = lie;
    await tryIt(what);
  }
  delete provider.lies.discovery;
  for (const [what, status, headers, body] of bodies) {
    provider.lies.answer = (path, response) => {
      if (path !== '/.well-known/openid-configuration') return false;
      response.writeHead(status, headers).end(body);
      return true;
    };
    await tryIt(what);
  }
  delete provider.lies.answer;
  expect(provider.requests.map(({ path }) => path)).not.toContain('/elsewhere');
  await expectHonest(scene);
});

test('a provider that is away or silent holds nobody up for long, and tokens sign in meanwhile', async () => {
  const away = await startOidcConsole({ issuer: () => 'http://127.0.0.1:1' });
  const refused = await fetch(`${away.origin}/sign-in/oidc`, { redirect: 'manual' });
  expect(refused.status).toBe(503);
  expect(await refused.text()).toContain('cannot be reached');
  expect((await (await visitConsole(away.origin, { token: away.token })).get('/')).status).toBe(
    200,
  );

  const scene = await start();
  const { provider, keyferry } = scene;
  const begun: Begun[] = [];
  for (let number = 0; number < 21; number++) begun.push(await begin(scene));
  provider.lies.answer = (path) => path === '/token';
  const comeBack = ({ visit, state }: Begun): Promise<Response> =>
    visit.request(callback(keyferry, { code: 'c', state }));
  const begunMs = performance.now();
  const waiting = begun.slice(1).map(comeBack);
  await vi.waitFor(() => expect(tokenRequests(scene)).toBe(20), { timeout: PATIENCE_MS });
  const [oneMore] = begun;
  const turnedAway = oneMore === undefined ? undefined : await comeBack(oneMore);
  expect(turnedAway?.status).toBe(503);
  expect(await turnedAway?.text()).toContain('Too many people sign in at once');
  const { token, origin } = keyferry;
  expect((await (await visitConsole(origin, { token })).get('/')).status).toBe(200);
  const statuses = new Set((await Promise.all(waiting)).map(({ status }) => status));
  expect([...statuses].filter((status) => status !== 429)).toEqual([503]);
  expect(performance.now() - begunMs).toBeGreaterThan(4000);
  expect(begun.map(({ visit }) => sessionOf(scene, visit)).filter(Boolean)).toEqual([]);
});

test('over TLS the provider is who its certificate says, and sends nobody’s code into the clear', async () => {
  const authority = await makeAuthority();
  const provider = await startLyingProvider(
    await makeCertificate(authority, { ips: ['127.0.0.1'] }),
  );
  provider.person.claims = ADMIN;
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-ca-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'ca.pem');
  await writeFile(file, authority.cert);
  const issuer = (): string => provider.issuer;
  const strange = await startOidcConsole({ issuer });
  expect((await fetch(`${strange.origin}/sign-in/oidc`)).status).toBe(503);
  const keyferry = await startOidcConsole({ issuer, flags: { '--oidc-ca': file } });
  await expectHonest({ provider, keyferry });
  const clear = await startLyingProvider();
  provider.lies.discovery = (honest) => ({ ...honest, token_endpoint: `${clear.issuer}/token` });
  await keyferry.restart(ROLES);
  expect((await signIn({ provider, keyferry })).answer.status).toBe(401);
  provider.lies.discovery = (honest) => ({ ...honest, authorization_endpoint: clear.issuer });
  await keyferry.restart(ROLES);
  expect((await fetch(`${keyferry.origin}/sign-in/oidc`)).status).toBe(503);
  expect(clear.requests).toEqual([]);
});

test('the client shows its secret as the provider wants it, or has none', async () => {
  const basic = `Basic ${Buffer.from(`console:${CLIENT_SECRET}`).toString('base64')}`;
  for (const [ways, hasSecret, authorization, inForm] of [
    [undefined, true, basic, null],
    [['client_secret_post', 'client_secret_basic'], true, basic, null],
    [['client_secret_post'], true, undefined, CLIENT_SECRET],
    [['none'], false, undefined, null],
  ] as const) {
    const provider = await startLyingProvider();
    provider.person.claims = ADMIN;
    provider.lies.discovery = (honest) => ({
      ...honest,
      token_endpoint_auth_methods_supported: ways,
    });
    const keyferry = await startOidcConsole({ issuer: () => provider.issuer, hasSecret });
    await expectHonest({ provider, keyferry });
    const asked = provider.requests.find(({ path }) => path === '/token');
    expect(asked?.authorization).toBe(authorization);
    expect(asked?.form.get('client_secret')).toBe(inForm);
  }
});

test('guessing at the way back is slowed down, and a right token passes', async () => {
  const { keyferry } = await start();
  const statuses = new Set<number>();
  for (let guess = 0; guess < 40; guess++) {
    const answer = await fetch(callback(keyferry, { code: 'c', state: `${guess}` }));
    statuses.add(answer.status);
    if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect([...statuses]).toEqual([401, 429]);
  const { origin, token } = keyferry;
  expect((await (await visitConsole(origin, { token })).get('/')).status).toBe(200);
});
