import { expect, test } from 'vitest';
import { mutatedRequests } from '../support/mutated-requests.js';
import { campaign } from '../torture/campaigns/mutated-requests.js';
import { expectClean } from '../torture/expect-clean.js';

test('5,000 mutated requests: as many arrive as were accepted, each with the credential in its place', async () => {
  await expectClean(campaign, 5000);
});

test('some are accepted and some are not', async () => {
  const { note = '' } = await campaign.run({ seed: 2, count: 500 });
  const accepted = Number(/^\d+/.exec(note)?.[0]);
  expect(accepted).toBeGreaterThan(100);
  expect(accepted).toBeLessThan(500);
});

test('the same seed makes the same requests', () => {
  expect(mutatedRequests(7, 50)).toEqual(mutatedRequests(7, 50));
  expect(mutatedRequests(7, 50)).not.toEqual(mutatedRequests(8, 50));
});
