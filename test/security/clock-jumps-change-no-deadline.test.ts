import { test } from 'vitest';
import { campaign } from '../torture/campaigns/clock-jumps.js';
import { expectClean } from '../torture/expect-clean.js';

test('500 jumps of the clock: nothing expires or is activated early or late', async () => {
  await expectClean(campaign, 500);
});
