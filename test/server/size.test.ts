import { expect, test } from 'vitest';
import { serveLargeStore } from '../torture/serve-large-store.js';

/** More than the 3 s that the campaign asks for: beside other tests. */
const READY_MS = 15_000;

test('a server with 10,000 secrets and 1,000 routes is ready, and serves the last of them', async () => {
  const { findings } = await serveLargeStore({ seed: 1, count: 10_000 }, READY_MS);
  expect(findings).toEqual([]);
});
