import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { visitConsole } from '../support/console-visit.js';
import { CookieVisit } from '../support/cookie-visit.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { type OidcConsole, ROLES, startOidcConsole } from '../support/start-oidc-console.js';
import { type OidcProvider, startOidcProvider } from '../support/start-oidc-provider.js';
import { hasChromium, openPage, startBrowser } from './start-browser.js';

const PEOPLE = {
  'id-of-alice': { email: 'alice@example.com', email_verified: true, groups: ['keyferry-admins'] },
  'id-of-bob': {
    email: 'bob@example.com',
    email_verified: true,
    groups: ['payments', 'everybody'],
  },
  'id-of-eve': { email: 'eve@example.com', email_verified: true, groups: ['sales'] },
};

async function start(
  claimsIn?: 'id-token' | 'userinfo',
  flags: Readonly<Record<string, string>> = {},
): Promise<{ keyferry: OidcConsole; provider: OidcProvider }> {
  const made: { provider?: OidcProvider } = {};
  const keyferry = await startOidcConsole({
    flags,
    async issuer(origin) {
      made.provider = await startOidcProvider(origin, PEOPLE, claimsIn);
      return made.provider.issuer;
    },
  });
  if (made.provider === undefined) throw new Error('no provider');
  return { keyferry, provider: made.provider };
}

/** To the provider, its form, and back: the answer of the callback. */
async function signInAs(
  visit: CookieVisit,
  { origin }: OidcConsole,
  name: string,
  to = '/',
): Promise<{ url: string; answer: Response }> {
  const begun = await visit.follow(`${origin}/sign-in/oidc?${new URLSearchParams({ to })}`);
  if (!begun.url.includes('/login/')) return begun;
  return visit.follow(begun.url, { method: 'POST', body: new URLSearchParams({ name }) });
}

test.each(['id-token', 'userinfo'] as const)(
  'a person with a mapped role gets in, by claims of %s, and the audit log names them',
  async (claimsIn) => {
    const { keyferry } = await start(claimsIn);
    const visit = new CookieVisit();
    const { answer, url } = await signInAs(visit, keyferry, 'id-of-alice', '/secrets?sort=age');
    expect(url).toContain('/sign-in/oidc/callback?');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('refresh')).toBe('0;url=/secrets?sort=age');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect([...(visit.cookies.get(keyferry.origin)?.keys() ?? [])]).toEqual(['keyferry_session']);
    const page = await visit.request(`${keyferry.origin}/secrets`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('oidc:alice@example.com');
    const made = await visit.request(`${keyferry.origin}/system/environments`, {
      method: 'POST',
      headers: { origin: keyferry.origin },
      body: new URLSearchParams({ name: 'qa' }),
    });
    expect(made.status).toBe(303);
    const actor = { type: 'admin', id: 'oidc:id-of-alice', name: 'oidc:alice@example.com' };
    expect(await keyferry.sessionRows()).toEqual([
      expect.objectContaining({
        actor,
        action: 'session.start',
        detail: expect.objectContaining({ origin: 'oidc' }),
      }),
    ]);
    const { items } = await keyferry.admin<{ items: { actor: unknown; action: string }[] }>(
      'GET',
      '/v1/audit?action=environment.create',
    );
    expect(items[0]?.actor).toEqual(actor);
  },
);

test('limits of a role hold, and the first line that fits decides', async () => {
  const { keyferry } = await start();
  await keyferry.secret('payments_key', { staging: 'value-of-payments-51fe' });
  await keyferry.secret('others_key', { staging: 'value-of-others-90ab' });
  const visit = new CookieVisit();
  await signInAs(visit, keyferry, 'id-of-bob');
  const text = await (await visit.request(`${keyferry.origin}/secrets`)).text();
  expect(text).toContain('(operator)');
  expect(text).toContain('payments_key');
  expect(text).not.toContain('others_key');
  expect((await visit.request(`${keyferry.origin}/secrets/others_key`)).status).toBe(404);
  expect((await visit.request(`${keyferry.origin}/admins`)).status).toBe(403);
});

test('nobody without a mapped role gets in: the page says so, and the audit log who it was', async () => {
  const { keyferry } = await start();
  const visit = new CookieVisit();
  const { answer } = await signInAs(visit, keyferry, 'id-of-eve');
  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain('You are oidc:eve@example.com, who has no role here');
  expect([...(visit.cookies.get(keyferry.origin)?.keys() ?? [])]).toEqual([]);
  expect(await keyferry.sessionRows()).toEqual([
    expect.objectContaining({
      actor: { type: 'admin', id: 'oidc:id-of-eve', name: 'oidc:eve@example.com' },
      action: 'session.refuse',
      detail: { origin: 'oidc', reason: 'no_role' },
    }),
  ]);
  expect((await keyferry.call('GET', '/v1/sessions')).body.items).toEqual([]);
});

test('rights are asked for at each sign-in, and a code works once', async () => {
  const { keyferry, provider } = await start();
  const visit = new CookieVisit();
  const begun = await visit.follow(`${keyferry.origin}/sign-in/oidc`);
  const kept = new Map(visit.cookies.get(keyferry.origin));
  const form = { method: 'POST', body: new URLSearchParams({ name: 'id-of-alice' }) };
  const { url, answer } = await visit.follow(begun.url, form);
  expect(answer.status).toBe(200);
  const replay = new CookieVisit();
  replay.cookies.set(keyferry.origin, kept);
  const replayed = await replay.request(url);
  expect(replayed.status).toBe(401);
  expect(await replayed.text()).toContain('did not sign you in (invalid_grant)');
  expect((await keyferry.call('GET', '/v1/sessions')).body.items).toHaveLength(1);
  provider.setClaims('id-of-alice', { email: 'alice@example.com', groups: [] });
  // The provider still knows her, so there is no form.
  expect((await visit.follow(`${keyferry.origin}/sign-in/oidc`)).answer.status).toBe(403);
});

test('all sessions of a person end on the page of admins, by who reaches as far', async () => {
  const { keyferry } = await start();
  const visits = [new CookieVisit(), new CookieVisit()];
  for (const visit of visits) await signInAs(visit, keyferry, 'id-of-alice');
  const admin = await visitConsole(keyferry.origin, { token: keyferry.token });
  const page = await admin.get('/admins');
  expect(page.text).toContain('oidc:alice@example.com');
  const path = '/admins/oidc%3Aid-of-alice/sign-out';
  expect(page.text).toContain(`action="${path}"`);
  const limited = { name: 'limited', role: 'admin', environments: ['staging'] };
  const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', limited);
  const narrow = await visitConsole(keyferry.origin, { token });
  expect((await narrow.post(path)).status).toBe(422);
  for (const visit of visits) {
    expect((await visit.request(`${keyferry.origin}/`)).status).toBe(200);
  }
  expect((await admin.post(path)).status).toBe(303);
  for (const visit of visits) {
    expect((await visit.request(`${keyferry.origin}/`)).status).toBe(303);
  }
  expect((await keyferry.sessionRows())[0]).toMatchObject({
    action: 'session.end_all',
    detail: { adminId: 'oidc:id-of-alice', sessions: 2 },
  });
  const taken = { name: 'OIDC:alice@example.com', role: 'viewer' };
  expect((await keyferry.call('POST', '/v1/admins', taken)).status).toBe(400);
});

test('a session outlives a restart, unless the roles are others', async () => {
  const { keyferry } = await start();
  const visit = new CookieVisit();
  await signInAs(visit, keyferry, 'id-of-alice');
  await keyferry.restart(ROLES);
  expect((await visit.request(`${keyferry.origin}/`)).status).toBe(200);
  await keyferry.restart(ROLES.slice(1));
  expect((await visit.request(`${keyferry.origin}/`)).status).toBe(303);
});

const onPage = async (page: Page, heading: string): Promise<void> =>
  page.getByRole('heading', { name: heading, exact: true }).waitFor();

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test.each(['http', 'https'])(
    'over %s somebody goes to the provider, comes back to the page they asked for, and signs out',
    async (scheme) => {
      const flags = scheme === 'https' ? await tlsFlags() : {};
      const { keyferry, provider } = await start('userinfo', flags);
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const { page, complaints } = await openPage(context);
      const cookies = async (): Promise<Record<string, unknown>[]> =>
        (await context.cookies(keyferry.origin))
          .filter(({ name }) => name.includes('keyferry'))
          .map(({ name, path, httpOnly, secure, sameSite }) => {
            return { name, path, httpOnly, secure, sameSite };
          });
      const prefix = scheme === 'https' ? '__Host-' : '';
      const secure = scheme === 'https';

      await page.goto(`${keyferry.origin}/clients`);
      await page.getByRole('link', { name: 'Sign in with localhost' }).click();
      await page.getByLabel('Name').fill('id-of-alice');
      const names = (await context.cookies(`${keyferry.origin}/sign-in/oidc/callback`)).filter(
        ({ name }) => name.includes('keyferry'),
      );
      expect(names).toEqual([
        expect.objectContaining({
          name: `${prefix}keyferry_sign_in`,
          path: secure ? '/' : '/sign-in/oidc',
          httpOnly: true,
          sameSite: 'Lax',
          secure,
        }),
      ]);
      await page.getByRole('button', { name: 'Log in' }).click();
      await onPage(page, 'Clients');
      expect(page.url()).toBe(`${keyferry.origin}/clients`);
      expect(await page.getByText('oidc:alice@example.com').count()).toBeGreaterThan(0);
      expect(await cookies()).toEqual([
        {
          name: `${prefix}keyferry_session`,
          path: '/',
          httpOnly: true,
          sameSite: 'Strict',
          secure,
        },
      ]);

      // A link on a page of another site finds who is signed in.
      await page.goto(`${provider.issuer}/login/none`);
      await page.evaluate(`location.href = '${keyferry.origin}/routes?from=mail'`);
      await onPage(page, 'Routes');
      expect(page.url()).toBe(`${keyferry.origin}/routes?from=mail`);

      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: /sign me out/i }).click();
      await page.getByRole('link', { name: 'Sign in with localhost' }).waitFor();
      expect(page.url().split('?')[0]).toBe(`${keyferry.origin}/sign-in`);
      expect(await cookies()).toEqual([]);
      await page.getByRole('link', { name: 'Sign in with localhost' }).click();
      // Asked anew: the provider has signed her out too.
      await page.getByLabel('Name').waitFor();
      expect(complaints.filter((text) => text.startsWith(keyferry.origin))).toEqual([]);
    },
  );
});

async function tlsFlags(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { cert, key } = await makeCertificate(await makeAuthority(), { ips: ['127.0.0.1'] });
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  return {
    '--admin-tls-cert': join(folder, 'cert.pem'),
    '--admin-tls-key': join(folder, 'key.pem'),
  };
}
