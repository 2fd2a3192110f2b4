import { test } from 'vitest';
import { campaign as handedOver } from '../torture/campaigns/handed-over-restarts.js';
import { campaign as restarts } from '../torture/campaigns/restarts.js';
import { expectClean } from '../torture/expect-clean.js';

test('a client that retries only a refused connection sees no failure in a restart', async () => {
  await expectClean(restarts, 1);
});

test('no client sees a failure in a restart behind a socket handed over', async () => {
  await expectClean(handedOver, 1);
});
