import { test } from 'vitest';
import { campaign } from '../torture/campaigns/keep-alive-races.js';
import { expectClean } from '../torture/expect-clean.js';

test('300 POSTs on connections that the upstream closes at that moment: none arrives twice', async () => {
  await expectClean(campaign, 300);
});
