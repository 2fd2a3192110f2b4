import { test } from 'vitest';
import { campaign } from '../torture/campaigns/system-calls.js';
import { expectClean } from '../torture/expect-clean.js';

const missing = campaign.missing?.();

test.skipIf(missing !== undefined)(
  `calls of the store that fail: every request is served, no answered write is lost${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  async () => {
    await expectClean(campaign, 4, 0);
  },
);
