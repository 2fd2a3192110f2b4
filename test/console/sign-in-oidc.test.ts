import { expect, test } from 'vitest';
import { CookieVisit } from '../support/cookie-visit.js';
import { type OidcConsole, startOidcConsole } from '../support/start-oidc-console.js';
import { type OidcProvider, startOidcProvider } from '../support/start-oidc-provider.js';

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
): Promise<{ keyferry: OidcConsole; provider: OidcProvider }> {
  const made: { provider?: OidcProvider } = {};
  const keyferry = await startOidcConsole({
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
