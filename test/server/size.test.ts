import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { serveLargeStore } from '../torture/serve-large-store.js';

test('a server with 10,000 secrets and 1,000 routes is ready, and serves the last of them', async () => {
  // The campaign asks for 3 s; here nobody knows how fast the machine is.
  const { findings } = await serveLargeStore({ seed: 1, count: 10_000 }, PATIENCE_MS);
  expect(findings).toEqual([]);
});
