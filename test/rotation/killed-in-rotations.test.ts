import { test } from 'vitest';
import { ALL_STAND_INS } from '../support/all-stand-ins.js';
import { campaign } from '../torture/campaigns/rotation-kills.js';
import { expectClean } from '../torture/expect-clean.js';

test('the engine is killed once in a run of every provider: no key is lost, none of others touched', async () => {
  await expectClean(campaign, ALL_STAND_INS.length, 20_261_121);
}, 300_000);
