import { test } from 'vitest';
import { campaign } from '../torture/campaigns/upstream-resets.js';
import { expectClean } from '../torture/expect-clean.js';

test('600 resets, at every byte of a response: each is cut, none of the POSTs is sent twice', async () => {
  await expectClean(campaign, 600);
});
