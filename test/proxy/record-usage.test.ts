import { expect, test } from 'vitest';
import type { Plan, UsageDelta } from '../../src/core/index.js';
import { createUsageRecorder } from '../../src/proxy/index.js';
import { FakeClock } from '../support/fake-clock.js';

const planOf = (...uses: Plan['uses']): Plan =>
  ({ route: 'api', environment: 'production', uses }) as unknown as Plan;
const use = (version: number) => ({ secretId: 'id', secret: 'a', version });

test('counts that could not be written are kept, added up, and written once', async () => {
  const written: (readonly UsageDelta[])[] = [];
  const errors: unknown[] = [];
  let broken = true;
  const usage = createUsageRecorder({
    clock: new FakeClock(),
    onError: (error) => void errors.push(error),
    store: {
      recordUsage: async (deltas) => {
        if (broken) throw new Error('disk full');
        written.push(deltas);
      },
    },
  });
  // The same names in another snapshot: another plan object.
  const [before, after] = [planOf(use(1)), planOf(use(1))];
  usage.record(before, 'c', 'accepted', 20, true);
  await usage.flush();
  usage.record(after, 'c', 'accepted', 10, true);
  usage.record(after, 'c', 'accepted', 30, true);
  usage.record(after, 'c', 'refused', 31, true);
  await usage.flush();
  expect([written, errors.length]).toEqual([[], 2]);
  broken = false;
  await usage.close();
  await usage.flush();
  const names = {
    secretId: 'id',
    environment: 'production',
    version: 1,
    route: 'api',
    clientId: 'c',
  };
  expect(written).toEqual([
    // First and last are of the plan's use by the client, whatever the outcome.
    [
      { ...names, outcome: 'accepted', count: 3, firstUsedAtMs: 10, lastUsedAtMs: 31 },
      { ...names, outcome: 'refused', count: 1, firstUsedAtMs: 10, lastUsedAtMs: 31 },
    ],
  ]);
});
