import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AppError,
  type Cutover,
  type CutoverCounts,
  type CutoverRoutes,
  type CutoverSettings,
  type CutoverSide,
  DEFAULT_CUTOVER_SETTINGS,
  NO_COUNTS,
  PROBE_CLIENT,
  type ProbeRequest,
  type RoutesStep,
  SecretValue,
  type Store,
} from '../../src/core/index.js';
import {
  type CutoverEngine,
  type CutoverEngineOptions,
  type CutoverGround,
  createCutoverEngine,
} from '../../src/cutover/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';

const NO_GROUND: CutoverGround = { probes: [], failure: undefined };
const PROBED: CutoverGround = {
  probes: [{ route: 'api', method: 'GET', path: '/me', expectedStatus: undefined }],
  failure: undefined,
};
const DONE: RoutesStep = { type: 'done' };

let opened: TestStore;
let engines: CutoverEngine[];
let errors: unknown[];
let decided: string[];
let published: number;

beforeEach(async () => {
  opened = await openTestStore();
  [engines, errors, decided, published] = [[], [], [], 0];
  for (const secret of ['key', 'other', 'key_v2']) {
    await opened.store.createSecret({ actor, name: secret });
    for (const text of [`${secret}-1`, `${secret}-2`]) {
      const value = SecretValue.fromText(text);
      await opened.store.addVersion({ actor, secret, environment: 'production', value });
    }
  }
});
afterEach(async () => {
  for (const engine of engines) await engine.close();
  await opened.cleanUp();
});

function engineOf(more: Partial<CutoverEngineOptions> = {}): CutoverEngine {
  const engine = createCutoverEngine({
    store: opened.store,
    clock: opened.clock,
    prober: { probe: () => Promise.reject(new Error('nobody asked for a probe')) },
    groundOf: async () => NO_GROUND,
    routes: { forward: async () => DONE, back: async () => DONE },
    publish: async () => {
      published++;
    },
    onDecision: (action, { state }) => decided.push(`${action} ${state}`),
    onError: (error) => errors.push(error),
    ...more,
  });
  engines.push(engine);
  return engine;
}

async function begin(
  settings: Partial<CutoverSettings> = {},
  more: { secret?: string; toVersion?: number | null; toSecret?: string | null } = {},
): Promise<Cutover> {
  return opened.store.startCutover({
    actor,
    secret: 'key',
    environment: 'production',
    toVersion: 2,
    toSecret: null,
    settings: { ...DEFAULT_CUTOVER_SETTINGS, ...settings },
    ...more,
  });
}

async function observe(
  { id, step }: Cutover,
  side: CutoverSide,
  counts: Partial<CutoverCounts>,
  clientId = 'a',
): Promise<void> {
  const delta = { cutoverId: id, step, side, route: 'api', clientId, ...NO_COUNTS, ...counts };
  await opened.store.recordUsage([], [delta]);
}

async function shown(id: string): Promise<Cutover> {
  const cutover = await opened.store.getCutover(id);
  if (cutover === undefined) throw new Error('there is no such cutover');
  return cutover;
}

/** A refused pair each of two clients. */
async function observePairs(cutover: Cutover, times: number): Promise<void> {
  for (const client of ['a', 'b']) {
    await observe(cutover, 'new', { refused: times, pairedRefusals: times }, client);
    await observe(cutover, 'old', { accepted: 10 * times }, client);
  }
}

async function auditOf(cutover: Cutover) {
  const { items } = await opened.store.listAudit({ action: 'cutover.', limit: 50 });
  return items
    .filter(({ detail }) => detail.cutover === cutover.id)
    .reverse()
    .map(({ action, actor: { type } }) => `${action} by ${type}`);
}

describe('a cutover', () => {
  test('comes to its end by what is observed, one step at a time', async () => {
    const engine = engineOf();
    const { id } = await begin();
    await engine.tick();
    let cutover = await shown(id);
    expect(cutover).toMatchObject({ state: 'CANARY', step: 0 });
    await observe(cutover, 'new', { accepted: 50 });
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CANARY', step: 0 });
    opened.clock.advance(60_000);
    await engine.tick();
    cutover = await shown(id);
    expect(cutover).toMatchObject({
      state: 'CURRENT',
      step: 1,
      evidence: { step: 0, new: { accepted: 50 }, clients: 1 },
    });
    opened.clock.advance(2880 * 60_000 - 1);
    await engine.tick();
    expect(decided).toHaveLength(2);
    opened.clock.advance(1);
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'COMPLETED', endedByItself: true });
    await engine.tick();
    expect(decided).toEqual(['advance CANARY', 'advance CURRENT', 'complete COMPLETED']);
    expect(published).toBe(3);
    expect(await auditOf(cutover)).toEqual([
      'cutover.start by admin',
      'cutover.advance by system',
      'cutover.activate by system',
      'cutover.complete by system',
    ]);
    expect(errors).toEqual([]);
  });

  test('with one step goes from PENDING to CURRENT', async () => {
    const { id } = await begin({ steps: [100] });
    await engineOf().tick();
    expect(await shown(id)).toMatchObject({ state: 'CURRENT', step: 0 });
  });

  test('is rolled back by pairs, in a step and in the window, with the evidence in the audit log', async () => {
    const engine = engineOf();
    for (const steps of [[10, 100], [100]]) {
      const { id } = await begin({ steps });
      await engine.tick();
      await observePairs(await shown(id), 3);
      await engine.tick();
      const ended = await shown(id);
      expect(ended).toMatchObject({
        state: 'ROLLED_BACK',
        endedByItself: true,
        reason: expect.stringContaining('refused 6 times'),
        evidence: { new: { pairedRefusals: 6 }, probability: expect.any(Number) },
      });
      const { items } = await opened.store.listAudit({ action: 'cutover.rollback', limit: 1 });
      expect(items[0]).toMatchObject({
        actor: { type: 'system' },
        detail: { cutover: id, evidence: { new: { pairedRefusals: 6 } } },
      });
      const [current] = await opened.store.listVersions('key', 'production');
      expect(current).toMatchObject({ version: 2, state: expect.not.stringMatching('current') });
    }
  });

  test('of three requests an hour waits for its samples, however many hours it takes', async () => {
    const engine = engineOf();
    const { id } = await begin({ stepMinSamples: 20 });
    await engine.tick();
    const random = seededRandom(3);
    let accepted = 0;
    for (let request = 0; accepted < 20; request++) {
      const cutover = await shown(id);
      expect(cutover).toMatchObject({ state: 'CANARY', step: 0, hold: null });
      const side = random() < 0.1 ? 'new' : 'old';
      await observe(cutover, side, { accepted: 1 });
      if (side === 'new') accepted++;
      opened.clock.advance(20 * 60_000);
      if (accepted < 20) await engine.tick();
      expect(request).toBeLessThan(2000);
    }
    expect(opened.clock.now() - (await shown(id)).startedAtMs).toBeGreaterThan(86_400_000);
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CURRENT' });
  });

  test('is held while the upstream fails with both versions, and goes on when that is over', async () => {
    const engine = engineOf();
    const { id } = await begin();
    await engine.tick();
    const cutover = await shown(id);
    for (const client of ['a', 'b']) {
      await observe(cutover, 'new', { failed: 40, accepted: 30 }, client);
      await observe(cutover, 'old', { failed: 400, accepted: 300 }, client);
    }
    opened.clock.advance(60_000);
    for (let tick = 0; tick < 5; tick++) await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CANARY', hold: 'upstream_failing' });
    expect(decided).toEqual(['advance CANARY', 'hold CANARY']);
    // It works again, and the failures are a minute old at last.
    for (let seconds = 0; seconds < 80; seconds += 10) {
      await observe(cutover, 'new', { accepted: 10 });
      opened.clock.advance(10_000);
      await engine.tick();
    }
    expect(decided).toEqual(['advance CANARY', 'hold CANARY', 'hold CANARY', 'advance CURRENT']);
  });

  test('goes on after a restart at any point', async () => {
    const random = seededRandom(9);
    const { id } = await begin({ steps: [1, 10, 50, 100] });
    const states: string[] = [];
    for (let tick = 0; tick < 200; tick++) {
      // Each tick is that of another engine.
      await engineOf().tick();
      const cutover = await shown(id);
      states.push(`${cutover.state} ${cutover.step}`);
      if (cutover.endedAtMs !== null) break;
      await observe(cutover, 'new', { accepted: Math.floor(random() * 40) });
      opened.clock.advance(cutover.state === 'CURRENT' ? 30 * 3_600_000 : 30_000);
    }
    expect([...new Set(states)]).toEqual([
      'CANARY 0',
      'CANARY 1',
      'CANARY 2',
      'CURRENT 3',
      'COMPLETED 3',
    ]);
  });

  test('is not moved early by a clock that jumps back', async () => {
    const engine = engineOf();
    const { id } = await begin();
    await engine.tick();
    await observe(await shown(id), 'new', { accepted: 100 });
    opened.clock.advance(-3_600_000);
    for (let minute = 0; minute < 60; minute++) {
      await engine.tick();
      opened.clock.advance(60_000);
    }
    expect(await shown(id)).toMatchObject({ state: 'CANARY', step: 0 });
    opened.clock.advance(60_000);
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CURRENT' });
  });

  test('that is paused is rolled back, and otherwise left alone', async () => {
    const engine = engineOf();
    const { id } = await begin();
    await engine.tick();
    await opened.store.pauseCutover({ actor, id });
    const cutover = await shown(id);
    await observe(cutover, 'new', { accepted: 100 });
    opened.clock.advance(3_600_000);
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CANARY', step: 0 });
    await observePairs(cutover, 20);
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'ROLLED_BACK' });
    expect(errors).toEqual([]);
  });
});

describe('the engine', () => {
  test('never decides twice at once, and leaves what a person decided first', async () => {
    let looks = 0;
    const store: Store = {
      ...opened.store,
      async observationsOf(id) {
        looks++;
        const observations = await opened.store.observationsOf(id);
        await opened.store.completeCutover({ actor, id, reason: 'by hand' });
        return observations;
      },
    };
    const engine = engineOf({ store });
    const { id } = await begin();
    await Promise.all([engine.tick(), engine.tick(), engine.tick()]);
    expect(looks).toBe(1);
    expect(decided).toEqual([]);
    expect(errors).toEqual([]);
    expect(await shown(id)).toMatchObject({ state: 'COMPLETED', endedByItself: false });
  });

  test('goes on after an outage of the store, and tells of it once', async () => {
    let isAway = true;
    const store: Store = {
      ...opened.store,
      async runningCutovers() {
        if (isAway) throw new AppError('store_unavailable', 'The store is away.');
        return opened.store.runningCutovers();
      },
    };
    const engine = engineOf({ store });
    const { id } = await begin();
    for (let tick = 0; tick < 3; tick++) await engine.tick();
    expect(errors).toHaveLength(1);
    isAway = false;
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CANARY' });
    isAway = true;
    await engine.tick();
    expect(errors).toHaveLength(2);
  });

  test('lets no cutover stop another one', async () => {
    const broken = await begin();
    const other = await begin({}, { secret: 'other' });
    const engine = engineOf({
      groundOf: async ({ secret }) => {
        if (secret === 'key') throw new Error('cannot be told');
        return NO_GROUND;
      },
    });
    await engine.tick();
    expect(await shown(broken.id)).toMatchObject({ state: 'PENDING' });
    expect(await shown(other.id)).toMatchObject({ state: 'CANARY' });
    expect(errors).toHaveLength(1);
  });

  test('decides nothing any more once it is closed', async () => {
    const engine = engineOf();
    await engine.close();
    const { id } = await begin();
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'PENDING' });
  });
});

describe('probes', () => {
  let asked: ProbeRequest[];
  let statusOf: (version: number | null) => number;

  beforeEach(() => {
    asked = [];
    statusOf = () => 200;
  });

  const probing = (): CutoverEngine =>
    engineOf({
      groundOf: async () => PROBED,
      prober: {
        async probe(request) {
          asked.push(request);
          const status = statusOf(request.with?.version ?? null);
          const outcome = status === 401 ? 'refused' : status === 200 ? 'accepted' : 'failed';
          return {
            status,
            code: undefined,
            detail: undefined,
            outcome,
            injected: [],
            durationMs: 1,
          };
        },
      },
    });
  /** Ticks until a probe that began has ended. */
  const tickTwice = async (engine: CutoverEngine): Promise<void> => {
    await engine.tick();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    await engine.tick();
  };

  test('come before any other request, and end a cutover whose version only they have met', async () => {
    statusOf = (version) => (version === 2 ? 401 : 200);
    const { id } = await begin();
    await tickTwice(probing());
    expect(asked.map((request) => request.with?.version)).toEqual([2, 1, 2, 1]);
    expect(await shown(id)).toMatchObject({
      state: 'ROLLED_BACK',
      currentSinceMs: null,
      reason: expect.stringContaining('no other request had it'),
    });
    expect(decided).toEqual(['rollback ROLLED_BACK']);
  });

  test('let a cutover begin where they say nothing against it', async () => {
    for (const status of [200, 401, 503]) {
      statusOf = () => status;
      const { id } = await begin();
      await tickTwice(probing());
      expect(await shown(id)).toMatchObject({ state: 'CANARY' });
      await opened.store.rollbackCutover({ actor, id, reason: 'enough' });
    }
  });

  test('one that is refused by chance is asked again', async () => {
    let refusals = 1;
    statusOf = (version) => (version === 2 && refusals-- > 0 ? 401 : 200);
    const { id } = await begin();
    await tickTwice(probing());
    expect(await shown(id)).toMatchObject({ state: 'CANARY' });
  });

  test('verify a quiet secret, every ten seconds at most', async () => {
    const engine = probing();
    const { id } = await begin({ stepMinSamples: 6 });
    await tickTwice(engine);
    asked = [];
    for (let second = 0; second < 200; second++) {
      await tickTwice(engine);
      if ((await shown(id)).state === 'CURRENT') break;
      opened.clock.advance(1000);
      expect(asked.length).toBeLessThanOrEqual(2 * Math.max(0, Math.ceil((second - 59) / 10)) + 2);
    }
    const { state, evidence, stepStartedAtMs, startedAtMs } = await shown(id);
    expect({ state, evidence }).toMatchObject({
      state: 'CURRENT',
      evidence: { probes: 6, clients: 0, new: { accepted: 6 } },
    });
    // One before the first step, the others when its least time was over.
    expect(stepStartedAtMs - startedAtMs).toBeGreaterThanOrEqual(60_000 + 4 * 10_000);
    expect(asked).toHaveLength(10);
    const observations = await opened.store.observationsOf(id);
    expect(new Set(observations.map(({ clientId }) => clientId))).toEqual(new Set([PROBE_CLIENT]));
  });
});

describe('a cutover by name', () => {
  const routesOf = (
    forward: () => RoutesStep,
    back: () => RoutesStep = () => DONE,
  ): CutoverRoutes => ({
    forward: async () => forward(),
    back: async () => back(),
  });

  test('waits for the routes file, once, and goes on when it is there', async () => {
    let step: RoutesStep = { type: 'wait' };
    const engine = engineOf({ routes: routesOf(() => step) });
    const { id } = await begin({}, { toVersion: null, toSecret: 'key_v2' });
    await engine.tick();
    await observe(await shown(id), 'new', { accepted: 60 });
    opened.clock.advance(60_000);
    for (let tick = 0; tick < 4; tick++) await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CANARY', hold: 'waiting_for_file' });
    expect(decided).toEqual(['advance CANARY', 'hold CANARY']);
    step = DONE;
    await engine.tick();
    expect(await shown(id)).toMatchObject({ state: 'CURRENT', hold: null });
  });

  test('ends where the routes cannot say it, with what there is to do', async () => {
    const refused: RoutesStep = { type: 'refused', reason: 'Route "api" pins "key@1".' };
    const engine = engineOf({ routes: routesOf(() => refused) });
    const { id } = await begin({ steps: [100] }, { toVersion: null, toSecret: 'key_v2' });
    await engine.tick();
    expect(await shown(id)).toMatchObject({
      state: 'ROLLED_BACK',
      reason: 'Route "api" pins "key@1".',
    });
  });
});
