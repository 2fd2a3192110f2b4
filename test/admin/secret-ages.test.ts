import { afterEach, expect, test } from 'vitest';
import type { SecretAges } from '../../src/core/index.js';
import { startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
afterEach(() => admin.stop());

const bands = [{ belowDays: null, fresh: 3, ageing: 2, overdue: 1 }];
const AGES: SecretAges = {
  countedAtMs: Date.UTC(2026, 0, 2),
  environments: [
    { environment: 'production', bands },
    { environment: 'staging', bands },
  ],
};

test('ages are told of the environments of a token, and none to one with a prefix', async () => {
  admin = await startAdmin({ secretAges: async () => AGES });
  const ages = async (token: string) =>
    (await admin.call('GET', '/v1/secret-ages', { token })).body;
  const { environments } = AGES;
  const countedAt = '2026-01-02T00:00:00.000Z';
  expect(await ages(admin.rootToken)).toEqual({ countedAt, environments });
  const staging = await admin.mint({ role: 'viewer', environments: ['staging'] });
  expect(await ages(staging)).toEqual({ countedAt, environments: environments.slice(1) });
  const prefix = await admin.mint({ role: 'viewer', secretPrefix: 'pay_' });
  expect(await ages(prefix)).toEqual({ countedAt: null, environments: [] });
});

test('before they were counted for the first time there are none', async () => {
  admin = await startAdmin();
  const { body } = await admin.call('GET', '/v1/secret-ages');
  expect(body).toEqual({ countedAt: null, environments: [] });
});
