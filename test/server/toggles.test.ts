import { test } from 'vitest';
import { campaign } from '../torture/campaigns/toggles.js';
import { expectClean } from '../torture/expect-clean.js';

test('300 times activated and rolled back under load: the old version is not used after the answer', async () => {
  await expectClean(campaign, 300);
});
