import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DEFAULT_CUTOVER_SETTINGS,
  type Plan,
  type Route,
  SecretValue,
} from '../../src/core/index.js';
import { createSnapshotKeeper, type SnapshotKeeper } from '../../src/snapshot/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const telemetry = { statsFor: () => ({ record: () => undefined }), echo: () => undefined };
const SECRETS = ['a', 'b', 'c'];
const ENVIRONMENTS = ['production', 'staging'];
const CLIENTS = ['shop', 'jobs'];

/** How often each step is drawn; what the store refuses changes nothing. */
const WEIGHTS = {
  start: 4,
  byName: 2,
  advance: 6,
  rollback: 1,
  complete: 1,
  pause: 1,
  add: 1,
  activate: 1,
  revoke: 1,
  routes: 1,
  hosts: 1,
  client: 1,
};

interface Drawn {
  readonly step: keyof typeof WEIGHTS;
  readonly secret: string;
  readonly other: string;
  readonly environment: string;
  readonly version: number;
  readonly percent: number;
  readonly filter: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  step: fc.oneof(
    ...(Object.entries(WEIGHTS) as [keyof typeof WEIGHTS, number][]).map(([step, weight]) => ({
      arbitrary: fc.constant(step),
      weight,
    })),
  ),
  secret: fc.constantFrom(...SECRETS),
  other: fc.constantFrom(...SECRETS),
  environment: fc.constantFrom(...ENVIRONMENTS),
  version: fc.integer({ min: 1, max: 4 }),
  percent: fc.integer({ min: 1, max: 99 }),
  filter: fc.nat({ max: 3 }),
});

function routesOf(first: string, second: string): Route[] {
  const route = (name: string, ...secrets: readonly string[]): Route => ({
    name,
    match: { pathPrefix: `/${name}` },
    headers: Object.fromEntries(secrets.map((text, i) => [`X-${i}`, `<<secret:${text}>>`])),
    environments: Object.fromEntries(
      ENVIRONMENTS.map((name) => [name, { upstream: 'https://api.example.com' }]),
    ),
  });
  return [route('one', first), route('two', first, second), route('three', `${second}@1`, 'c')];
}

async function take(opened: TestStore, one: Drawn): Promise<void> {
  const { store, tokens } = opened;
  const { secret, other, environment, version, filter, percent } = one;
  const target = { actor, secret, environment };
  const running = (await store.runningCutovers()).at(-1);
  const id = running?.id ?? 'none';
  const end = { actor, id, reason: 'drawn' };
  switch (one.step) {
    case 'add':
      // Every fourth cannot be placed in a header.
      await store.addVersion({
        ...target,
        value: SecretValue.fromText(`${secret}-${environment}${filter === 0 ? '\n' : ''}`),
      });
      break;
    case 'activate':
      await store.activateVersion({ ...target, version });
      break;
    case 'revoke':
      await store.revokeVersion({ ...target, version, force: { reason: 'drawn' } });
      break;
    case 'start':
    case 'byName':
      await store.startCutover({
        ...target,
        toVersion: one.step === 'start' ? version : null,
        toSecret: one.step === 'start' ? null : other,
        settings: {
          ...DEFAULT_CUTOVER_SETTINGS,
          steps: [percent, 100],
          routes: filter === 1 ? ['two'] : null,
          clients: filter === 2 ? ['shop'] : null,
        },
      });
      break;
    case 'advance':
      if (running === undefined) return;
      await store.advanceCutover({
        actor,
        id,
        ifState: running.state,
        ifStep: running.step,
        evidence: null,
      });
      break;
    case 'rollback':
      await store.rollbackCutover(end);
      break;
    case 'complete':
      await store.completeCutover(end);
      break;
    case 'pause':
      await store.pauseCutover({ actor, id });
      break;
    case 'routes':
      await store.applyRoutes({
        actor,
        document: { routes: routesOf(secret, other) },
        references: [],
        source: 'api',
      });
      break;
    case 'hosts':
      await store.updateSecret({
        actor,
        name: secret,
        changes: { allowedHosts: filter === 0 ? ['elsewhere.example.com'] : [] },
      });
      break;
    case 'client': {
      const { id: tokenId, hash: tokenHash } = tokens.mint('client');
      const name = CLIENTS[filter % 2] ?? '';
      await store.createClient({ actor, name, environment, tokenId, tokenHash });
    }
  }
}

/** Everything of a plan that a request could notice. */
function described(plan: Plan): object {
  const { headers, failure, useNames, trialOf } = plan;
  const trials = plan.trials?.map(({ other, clients, ...trial }) => ({
    ...trial,
    clients: clients && [...clients].sort(),
    other: described(other),
  }));
  return { headers, failure, useNames, trialOf, trials };
}

function all(keeper: SnapshotKeeper): object[][] {
  return keeper
    .current()
    .plans.map((plans) => [...plans.entries()].map(([name, plan]) => [name, described(plan)]));
}

test('however cutovers, versions and routes changed, a derived snapshot is the one made anew', async () => {
  let trialsSeen = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(drawn, { minLength: 30, maxLength: 40 }), async (steps) => {
      const opened = await openTestStore();
      try {
        const { store, tokens } = opened;
        for (const secret of SECRETS) {
          await store.createSecret({ actor, name: secret });
          for (const environment of ENVIRONMENTS) {
            for (const version of [1, 2, 3]) {
              const value = SecretValue.fromText(`${secret}-${environment}-${version}`);
              await store.addVersion({ actor, secret, environment, value });
            }
          }
        }
        const document = { routes: routesOf('a', 'b') };
        await store.applyRoutes({ actor, document, references: [], source: 'api' });
        const keeper = await createSnapshotKeeper({ store, tokens, telemetry });
        for (const step of steps) {
          await take(opened, step).catch(() => undefined);
          opened.clock.advance(1);
          await keeper.catchUp();
          const anew = await createSnapshotKeeper({ store, tokens, telemetry });
          expect(all(keeper)).toEqual(all(anew));
          const running = await store.runningCutovers();
          for (const { id } of running) expect(keeper.partsOf(id)).toEqual(anew.partsOf(id));
          for (const plan of keeper.current().plans.flatMap((plans) => [...plans.values()])) {
            const trials = plan.trials ?? [];
            trialsSeen += trials.length;
            const sum = trials.reduce((total, { share }) => total + share, 0);
            expect(sum).toBeLessThanOrEqual(1 + Number.EPSILON);
            for (const { other, cutoverId } of trials) {
              expect(other.failure).toBeUndefined();
              expect(other.useNames).not.toEqual(plan.useNames);
              const cutover = running.find(({ id }) => id === cutoverId);
              expect(cutover?.environment).toBe(plan.environment);
              expect(cutover?.state).not.toBe('PENDING');
            }
          }
        }
      } finally {
        await opened.cleanUp();
      }
    }),
    { seed: 4, numRuns: 6, endOnFailure: true },
  );
  expect(trialsSeen).toBeGreaterThan(50);
});
