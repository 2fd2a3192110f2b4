import { test } from 'vitest';
import { campaign } from '../torture/campaigns/client-aborts.js';
import { expectClean } from '../torture/expect-clean.js';

test.skipIf(process.platform !== 'linux')(
  '1,000 clients that leave at any point: no memory, socket or request is left behind',
  async () => {
    await expectClean(campaign, 1_000);
  },
);
