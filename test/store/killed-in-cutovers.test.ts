import { test } from 'vitest';
import { campaign } from '../torture/campaigns/cutover-store-kills.js';
import { expectClean } from '../torture/expect-clean.js';

test('each cutover is where it was acknowledged after 12 kills', async () => {
  await expectClean(campaign, 12, 20_261_121);
});
