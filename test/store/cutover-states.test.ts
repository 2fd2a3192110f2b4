import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue, SYSTEM_ACTOR } from '../../src/core/index.js';
import { inspectDatabase } from '../../src/maintenance/inspect-database.js';
import { CutoverModel, isRunning, Place, STEPS, type Step } from '../support/cutover-model.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const at = fc.integer({ min: 0, max: 3 });
const version = fc.integer({ min: 1, max: 4 });
const bySystem = fc.boolean();
const rarely = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0);
const command: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('add' as const), at }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('activate' as const), at, version }), weight: 2 },
  fc.record({ type: fc.constant('rollback' as const), at }),
  fc.record({
    type: fc.constantFrom('revoke' as const, 'destroy' as const),
    at,
    version,
    forced: fc.boolean(),
  }),
  { arbitrary: fc.record({ type: fc.constant('start' as const), at, version }), weight: 5 },
  { arbitrary: fc.record({ type: fc.constant('startByName' as const), at }), weight: 2 },
  {
    arbitrary: fc.record({ type: fc.constant('advance' as const), at, stale: rarely, bySystem }),
    weight: 8,
  },
  fc.record({ type: fc.constant('hold' as const), at, stale: rarely, bySystem }),
  fc.record({
    type: fc.constantFrom('complete' as const, 'rollbackCutover' as const),
    at,
    bySystem,
  }),
  fc.record({ type: fc.constantFrom('pause' as const, 'resume' as const), at }),
);

let opened: TestStore;
let runs = 0;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.cleanUp());

test('cutovers and versions follow the rules, whatever is done in whatever order', async () => {
  const { store } = opened;
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 30, maxLength: 60, size: 'max' }),
      async (commands) => {
        const secrets = ['a', 'b'].map((name) => `${name}${runs}`);
        runs++;
        for (const name of secrets) await store.createSecret({ actor, name });
        const model = new CutoverModel(
          secrets.flatMap((secret) =>
            ['staging', 'production'].map((environment) => new Place(secret, environment)),
          ),
        );
        for (const taken of commands) {
          const place = model.place(taken.at);
          const before = model.newest(place);
          const stale = before === undefined ? undefined : { ...before };
          const expected = model.take(taken);
          if (expected === 'none') continue;
          const begun = await take(taken, place, stale).then(
            (id) => ({ id, code: undefined }),
            (error: { code: string }) => ({ id: undefined, code: error.code }),
          );
          expect(begun.code, JSON.stringify(taken)).toBe(expected);
          const newest = model.newest(place);
          if (begun.id !== undefined && newest !== undefined) newest.id = begun.id;
          seen.add(`${taken.type} ${expected ?? 'done'}`);
          await expectAsModelled(model, place);
        }
        for (const { id, state, step } of model.cutovers) {
          expect(await store.getCutover(id)).toMatchObject({ state, step });
        }
        for (const { at: found, id } of model.cutovers.filter(({ state }) => isRunning(state))) {
          await store.rollbackCutover({ actor, id, reason: found.secret });
        }
      },
    ),
    { numRuns: 40, seed: 20_261_121 },
  );
  for (const word of ['advance done', 'start done', 'startByName done', 'activate conflict']) {
    expect(seen).toContain(word);
  }
  expect(await store.verifyAudit()).toMatchObject({ ok: true });
  const { database } = await inspectDatabase({ dataDir: opened.dataDir, clock: opened.clock });
  expect(await database.verifyRows()).toMatchObject({ altered: [], missing: 0, headFits: true });
  await database.close();
});

/** Answers with the id of a cutover that it began. */
async function take(
  taken: Step,
  { secret, environment }: Place,
  newest: { id: string; state: string; step: number } | undefined,
): Promise<string | undefined> {
  const { store } = opened;
  const place = { actor, secret, environment };
  const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: STEPS };
  const by = 'bySystem' in taken && taken.bySystem ? SYSTEM_ACTOR : actor;
  const own = { actor: by, id: newest?.id ?? '' };
  const decided = {
    ...own,
    ifState: (newest?.state ?? 'PENDING') as 'PENDING',
    ifStep: (newest?.step ?? 0) + ('stale' in taken && taken.stale ? 1 : 0),
    evidence: null,
  };
  switch (taken.type) {
    case 'add':
      await store.addVersion({ ...place, value: SecretValue.fromText('value') });
      return undefined;
    case 'activate':
      await store.activateVersion({ ...place, version: taken.version });
      return undefined;
    case 'rollback':
      await store.rollback(place);
      return undefined;
    case 'revoke':
    case 'destroy': {
      const force = taken.forced ? { reason: 'test' } : undefined;
      const target = { ...place, version: taken.version, force };
      if (taken.type === 'revoke') await store.revokeVersion(target);
      else await store.destroyVersion(target);
      return undefined;
    }
    case 'start':
      return (
        await store.startCutover({ ...place, toVersion: taken.version, toSecret: null, settings })
      ).id;
    case 'startByName': {
      const toSecret = secret.startsWith('a') ? `b${secret.slice(1)}` : `a${secret.slice(1)}`;
      return (await store.startCutover({ ...place, toVersion: null, toSecret, settings })).id;
    }
    case 'advance':
      await store.advanceCutover(decided);
      return undefined;
    case 'hold':
      await store.holdCutover({ ...decided, hold: 'refused' });
      return undefined;
    case 'complete':
      await store.completeCutover({ ...own, reason: 'test' });
      return undefined;
    case 'rollbackCutover':
      await store.rollbackCutover({ ...own, reason: 'test' });
      return undefined;
    case 'pause':
      await store.pauseCutover(own);
      return undefined;
    case 'resume':
      await store.resumeCutover(own);
      return undefined;
  }
}

async function expectAsModelled({ cutovers }: CutoverModel, place: Place): Promise<void> {
  const running = await opened.store.runningCutovers();
  expect(running.map(({ id, state, step, paused }) => ({ id, state, step, paused }))).toEqual(
    cutovers
      .filter(({ state }) => isRunning(state))
      .map(({ id, state, step, paused }) => ({ id, state, step, paused })),
  );
  const versions = await opened.store.listVersions(place.secret, place.environment);
  expect(versions.map((found) => [found.version, found.state])).toEqual(
    Array.from({ length: place.last }, (_, i) => place.last - i).map((number) => [
      number,
      place.stateOf(number),
    ]),
  );
}
