import { expect, test } from 'vitest';
import { visitConsole } from '../support/console-visit.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { fieldsIn } from './fields-in.js';

const PAGE = '/secrets/edited_key/edit';
const SAID = {
  description: 'Charges cards.\r\nOf the shop.',
  owner: 'payments',
  kind: 'stripe',
  criticality: 'critical',
  allowedHosts: 'api.stripe.com\r\n*.stripe.com',
  labels: 'team=payments\r\ncost center=a=b',
  rotateEveryDays: '',
  maximumAgeDays: '45',
};

async function visitAs(keyferry: TestKeyferry, role: 'operator' | 'viewer') {
  const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: `one ${role}`,
    role,
  });
  return visitConsole(keyferry.adminUrl, { token });
}

/** What a change is based on, as the page of the form says it. */
const tagIn = (page: string): string => fieldsIn(page).tag ?? '';

test('what is said about a secret is edited, errors stand beside their field, and nobody overwrites unasked', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('edited_key', { production: 'value-of-edited-1' });
  const visit = await visitAs(keyferry, 'operator');
  const shown = () => keyferry.admin('GET', '/v1/secrets/edited_key');
  expect((await visit.get('/secrets/edited_key')).text).toContain(`href="${PAGE}"`);
  const tag = tagIn((await visit.get(PAGE)).text);

  const wrong = { ...SAID, allowedHosts: 'api.stripe.com\r\nhttps://x/', rotateEveryDays: 'often' };
  const refused = await (await visit.post(PAGE, { ...wrong, tag })).text();
  expect(refused).toMatch(/<small class="invalid">entry 2: [^<]*expected a host/);
  expect(refused).toMatch(/name="rotateEveryDays"[^>]* value="often" aria-invalid="true"/);
  expect(refused).toMatch(/<textarea[^>]* name="labels"[^>]* aria-invalid="true"/);
  expect(refused).toContain('https://x/</textarea>');
  expect(refused).toContain('3 fields say below what is wrong');
  expect(await shown()).toMatchObject({ owner: null, labels: {} });

  const said = { ...SAID, labels: 'team=payments\r\ncost-center=a=b' };
  const saved = await visit.post(PAGE, { ...said, tag });
  expect([saved.status, saved.headers.get('location')]).toEqual([303, '/secrets/edited_key']);
  expect(await shown()).toMatchObject({
    description: 'Charges cards.\nOf the shop.',
    owner: 'payments',
    kind: 'stripe',
    criticality: 'critical',
    allowedHosts: ['api.stripe.com', '*.stripe.com'],
    labels: { team: 'payments', 'cost-center': 'a=b' },
    rotateEveryDays: 30,
    maximumAgeDays: 45,
    asSet: { rotateEveryDays: null, maximumAgeDays: 45 },
  });

  const late = await (await visit.post(PAGE, { ...said, owner: 'ops', tag })).text();
  expect(late).toContain('Nothing was saved');
  expect(late).toContain('<dt>Owner</dt><dd>payments</dd>');
  expect(late.match(/<dt>/g)).toHaveLength(1);
  expect(late).toMatch(/name="owner"[^>]* value="ops"/);
  // A slip that is corrected meanwhile is based on what it was.
  const slip = await visit.post(PAGE, { ...said, owner: 'ops', rotateEveryDays: '0', tag });
  const stale = await visit.post(PAGE, { ...said, owner: 'ops', tag: tagIn(await slip.text()) });
  expect(await stale.text()).toContain('Nothing was saved');
  const again = await visit.post(PAGE, { ...said, owner: 'ops', tag: tagIn(late) });
  expect([again.status, (await shown()).owner]).toEqual([303, 'ops']);
  const { items } = await keyferry.admin<{ items: { detail: unknown }[] }>(
    'GET',
    '/v1/audit?secret=edited_key&limit=1',
  );
  expect(items[0]?.detail).toEqual({ changed: ['owner'] });
});

test('a host that an applied route uses stays, and a viewer edits nothing', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('edited_key', { production: 'value-of-edited-1' });
  await keyferry.routes([
    {
      name: 'cards',
      match: { pathPrefix: '/cards' },
      headers: { Authorization: 'Bearer <<secret:edited_key>>' },
      environments: { production: { upstream: 'https://api.stripe.com' } },
    },
  ]);
  const operator = await visitAs(keyferry, 'operator');
  const tag = tagIn((await operator.get(PAGE)).text);
  const form = { ...SAID, labels: '', allowedHosts: 'other.example.com', tag };
  const refused = await (await operator.post(PAGE, form)).text();
  expect(refused).toMatch(/<small class="invalid">The route "?[^<]*cards[^<]*api\.stripe\.com/);

  const viewer = await visitAs(keyferry, 'viewer');
  expect((await viewer.get('/secrets/edited_key')).text).not.toContain(PAGE);
  const page = await viewer.get(PAGE);
  expect([page.status, page.text.includes('<textarea')]).toEqual([403, false]);
  expect((await viewer.post(PAGE, { ...SAID, labels: '', tag })).status).toBe(403);
  expect(await keyferry.admin('GET', '/v1/secrets/edited_key')).toMatchObject({ owner: null });
});
