import { test } from 'vitest';
import { campaign } from '../torture/campaigns/server-rotation-kills.js';
import { expectClean } from '../torture/expect-clean.js';

test('the whole server is killed once in each state of a run, which comes to its end all the same', async () => {
  // The first of all providers: AWS.
  await expectClean(campaign, 1, 0);
});
