import { expect, test } from 'vitest';
import { SECRET_SORTS, SORT_ORDERS } from '../../src/core/index.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';

const FILTERS = [
  '',
  'old=true',
  'overdue=true',
  'missingValue=true',
  'withoutRoutes=true',
  'unusedForDays=0',
  'olderThanDays=0',
  'expiringWithinDays=100',
  'search=payments',
  'environment=staging',
] as const;

/** Every list that a token limited to staging can ask for, page by page. */
async function listsOf(keyferry: TestKeyferry, token: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const filter of FILTERS) {
    for (const sort of SECRET_SORTS) {
      for (const order of SORT_ORDERS) {
        const path = `/v1/secrets?${filter}&sort=${sort}&order=${order}&limit=2`;
        let cursor: string | null = '';
        for (let page = 1; cursor !== null; page++) {
          const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
          const answer = await fetch(`${keyferry.adminUrl}${path}${from}`, {
            headers: { authorization: `Bearer ${token}` },
          });
          const text = await answer.text();
          expect(answer.status).toBe(200);
          found.set(`${path} page ${page}`, text);
          cursor = (JSON.parse(text) as { nextCursor: string | null }).nextCursor;
        }
      }
    }
  }
  return found;
}

test('what lies in other environments changes no list of a limited token, in any order', async () => {
  const keyferry = await startKeyferry();
  for (const [index, name] of ['alpha', 'beta', 'gamma', 'delta'].entries()) {
    await keyferry.admin('POST', '/v1/secrets', { name, owner: 'payments' });
    const versions = (environment: string) =>
      `/v1/secrets/${name}/environments/${environment}/versions`;
    if (index < 3) {
      const value = `value-of-${name}-staging-19c2`;
      await keyferry.admin('POST', versions('staging'), { value });
    }
  }
  const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: 'limited',
    role: 'viewer',
    environments: ['staging', 'development'],
  });
  const before = await listsOf(keyferry, token);
  expect(before.size).toBeGreaterThan(FILTERS.length * SECRET_SORTS.length * SORT_ORDERS.length);

  const inProduction = async (name: string, more: object): Promise<void> => {
    const path = `/v1/secrets/${name}/environments/production/versions`;
    const value = `value-of-${name}-production-77ab`;
    await keyferry.admin('POST', path, { value, ...more });
  };
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  await inProduction('alpha', { expiresAt: soon });
  await inProduction('gamma', {});
  await keyferry.admin('POST', '/v1/secrets', { name: 'hidden', owner: 'payments' });
  await inProduction('hidden', { expiresAt: soon });
  await keyferry.routes(
    [
      {
        name: 'in-production',
        match: { pathPrefix: '/x' },
        headers: { Authorization: 'Bearer <<secret:beta>>', 'X-Other': '<<secret:hidden>>' },
        environments: { production: { upstream: 'https://api.example.com' } },
      },
    ],
    '?allowMissing=true',
  );
  expect(await listsOf(keyferry, token)).toEqual(before);
});

test('a token limited to a prefix learns of no environment that only other secrets are in', async () => {
  const keyferry = await startKeyferry();
  const add = async (name: string, environment: string): Promise<void> => {
    const path = `/v1/secrets/${name}/environments/${environment}/versions`;
    await keyferry.admin('POST', path, { value: `value-of-${name}-${environment}-5b1e` });
  };
  for (const name of ['pay_a', 'pay_b', 'other']) {
    await keyferry.admin('POST', '/v1/secrets', { name });
  }
  await add('pay_a', 'staging');
  const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: 'limited',
    role: 'viewer',
    secretPrefix: 'pay_',
  });
  const missing = async (): Promise<string[]> => {
    const answer = await fetch(`${keyferry.adminUrl}/v1/secrets?missingValue=true`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { items } = (await answer.json()) as { items: { name: string }[] };
    return items.map(({ name }) => name);
  };
  expect(await missing()).toEqual(['pay_b']);
  await add('other', 'production');
  expect(await missing()).toEqual(['pay_b']);
  await add('pay_b', 'production');
  expect(await missing()).toEqual(['pay_a', 'pay_b']);
});
