import { test } from 'vitest';
import { campaign } from '../torture/campaigns/store-kills.js';
import { expectClean } from '../torture/expect-clean.js';

test('no acknowledged write is lost in 12 kills under four writers', async () => {
  await expectClean(campaign, 12, 20_261_121);
});
