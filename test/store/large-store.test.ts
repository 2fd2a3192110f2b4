import { test } from 'vitest';
import { campaign } from '../torture/campaigns/large-store.js';
import { expectClean } from '../torture/expect-clean.js';

test('a store of 10,000 secrets opens within a second and lists them in pages', async () => {
  await expectClean(campaign, 10_000);
});
