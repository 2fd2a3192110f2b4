import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { killUnderWriters } from '../torture/kill-under-writers.js';

test('no write that the API acknowledged is lost in 5 kills, and the server is back', async () => {
  // The campaign asks for 2 s; here it stands beside other tests.
  const { done, findings } = await killUnderWriters({ seed: 20_261_122, count: 5 }, PATIENCE_MS);
  expect({ done, findings }).toEqual({ done: 5, findings: [] });
});
