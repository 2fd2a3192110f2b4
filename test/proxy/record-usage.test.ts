import { expect, test } from 'vitest';
import type { Plan, RequestDelta, UsageDelta } from '../../src/core/index.js';
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

test('requests are counted by environment, also those without a secret and those that were not sent', async () => {
  const written: (readonly RequestDelta[])[] = [];
  const clock = new FakeClock(5000);
  let broken = true;
  const usage = createUsageRecorder({
    clock,
    onError: () => undefined,
    store: {
      recordUsage: async (_deltas, _observations, requests = []) => {
        if (broken) throw new Error('disk full');
        written.push(requests);
      },
    },
  });
  usage.record(planOf(use(1), use(2)), 'c', 'accepted', 20, true);
  usage.record(planOf(), 'd', 'accepted', 30, true);
  usage.recordNotSent('production');
  usage.recordNotSent(undefined);
  await usage.flush();
  usage.recordNotSent(undefined);
  broken = false;
  clock.advance(1);
  expect(await usage.close()).toBe(true);
  const environment = 'production';
  expect(written).toHaveLength(1);
  expect(written[0]).toHaveLength(3);
  expect(written[0]).toEqual(
    expect.arrayContaining([
      { environment, outcome: 'accepted', count: 2, atMs: 30 },
      { environment, outcome: 'notSent', count: 1, atMs: 5000 },
      { environment: undefined, outcome: 'notSent', count: 2, atMs: 5001 },
    ]),
  );
});
