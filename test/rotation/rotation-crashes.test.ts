import { test } from 'vitest';
import { campaign } from '../torture/campaigns/rotation-crashes.js';
import { expectClean } from '../torture/expect-clean.js';

test('10 runs under faults, crashes and directions lose no key and touch none of others', async () => {
  await expectClean(campaign, 10, 20_261_121);
});
