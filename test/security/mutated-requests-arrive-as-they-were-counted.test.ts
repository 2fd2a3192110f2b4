import { expect, test } from 'vitest';
import { mutatedRequests } from '../support/mutated-requests.js';
import { run } from '../support/mutation-campaign.js';

test('5,000 mutated requests: as many arrive as were accepted, each with the credential in its place', async () => {
  const { sent, accepted, arrived, findings } = await run({ seed: 1, count: 5000 });
  expect(findings).toEqual([]);
  expect(sent).toBe(5000);
  expect(arrived).toBe(accepted);
  // Neither all nor nothing: what is refused is told from what passes.
  expect(accepted).toBeGreaterThan(2000);
  expect(accepted).toBeLessThan(8000);
}, 60_000);

test('the same seed makes the same requests', () => {
  expect(mutatedRequests(7, 50)).toEqual(mutatedRequests(7, 50));
  expect(mutatedRequests(7, 50)).not.toEqual(mutatedRequests(8, 50));
});
