import { test } from 'vitest';
import { campaign } from '../torture/campaigns/rotation-store-kills.js';
import { expectClean } from '../torture/expect-clean.js';

test('each run is where it was acknowledged after 8 kills', async () => {
  await expectClean(campaign, 8, 20_261_121);
});
