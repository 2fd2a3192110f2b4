import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_CUTOVER_SETTINGS, PROBE_CLIENT } from '../../src/core/index.js';
import { seededRandom } from '../support/seeded-random.js';
import { currentCutover, cutoverOf, decide, START_MS, traffic } from './situation.js';

const WAIT = { action: 'wait' };
const PROBED = {
  probes: [{ route: 'api', method: 'GET', path: '/me', expectedStatus: undefined }],
  failure: undefined,
};
/** Nothing wrong, and enough of it. */
const GOOD = [...traffic('a', { old: 400, new: 40 }), ...traffic('b', { old: 400, new: 40 })];

function hold(name: string | null) {
  return expect.objectContaining({ action: 'hold', hold: name });
}

describe('a step goes on', () => {
  test('when it has lasted its least time and its least number of samples was accepted', () => {
    expect(decide(cutoverOf(), GOOD)).toMatchObject({
      action: 'advance',
      evidence: { step: 0, new: { accepted: 80 }, clients: 2, probes: 0, probability: null },
    });
    expect(decide(cutoverOf(), GOOD, { nowMs: START_MS + 59_999 })).toEqual(WAIT);
    expect(decide(cutoverOf(), traffic('a', { old: 9000, new: 49 }))).toEqual(WAIT);
    expect(decide(cutoverOf(), traffic('a', { new: 50 }))).toMatchObject({ action: 'advance' });
  });

  test('not by samples of the step before', () => {
    expect(decide(cutoverOf({ step: 1 }), GOOD)).toEqual(WAIT);
  });

  test('not while it is paused, and not when the clock was put back', () => {
    expect(decide(cutoverOf({ paused: true }), GOOD)).toEqual(WAIT);
    expect(decide(cutoverOf(), GOOD, { nowMs: START_MS - 3_600_000 })).toEqual(WAIT);
  });

  test('not while more pairs than the limit leave doubt', () => {
    const [a, b] = [traffic('a', { new: 100, pairs: 1 }), traffic('b', { new: 60, pairs: 1 })];
    expect(decide(cutoverOf(), [...a, ...b])).toEqual(WAIT);
    const more = traffic('b', { new: 160, pairs: 1 });
    expect(decide(cutoverOf(), [...a, ...more])).toMatchObject({ action: 'advance' });
  });

  test('never by too few samples, however long it lasts', () => {
    const years = { nowMs: START_MS + 3 * 365 * 86_400_000 };
    expect(decide(cutoverOf(), traffic('a', { old: 1_000_000, new: 49 }), years)).toEqual(WAIT);
  });
});

describe('a quiet secret', () => {
  test('is probed where a route says how, after the least time of the step', () => {
    const quiet = traffic('a', { old: 10, new: 1 });
    expect(decide(cutoverOf(), quiet, { ground: PROBED })).toEqual({ action: 'probe' });
    expect(decide(cutoverOf(), quiet, { ground: PROBED, nowMs: START_MS + 1000 })).toEqual(WAIT);
    expect(decide(cutoverOf({ paused: true }), quiet, { ground: PROBED })).toEqual(WAIT);
  });

  test('goes on by probes, which the evidence counts', () => {
    const probes = traffic(PROBE_CLIENT, { old: 49, new: 49 });
    expect(decide(cutoverOf(), [...probes, ...traffic('a', { old: 9, new: 1 })])).toMatchObject({
      action: 'advance',
      evidence: { new: { accepted: 50 }, probes: 49, clients: 1 },
    });
  });
});

describe('before the first step', () => {
  const pending = cutoverOf({ state: 'PENDING' });

  test('a probe is asked for where there is one, and nothing else keeps it', () => {
    expect(decide(pending, [])).toMatchObject({ action: 'advance' });
    expect(decide(pending, [], { ground: PROBED })).toEqual({ action: 'probe' });
    const paused = cutoverOf({ state: 'PENDING', paused: true });
    expect(decide(paused, [], { ground: PROBED })).toEqual(WAIT);
    expect(decide(paused, [])).toEqual(WAIT);
  });

  test.each(['accepted', 'unclear'] as const)('a probe that was %s lets it begin', (finding) => {
    const probe = { finding, route: 'api', status: 200 };
    expect(decide(pending, [], { ground: PROBED, probe })).toMatchObject({ action: 'advance' });
  });

  test('a probe that only the old version passes ends it, or holds it where asked to', () => {
    const probe = { finding: 'refused', route: 'api', status: 401 } as const;
    expect(decide(pending, [], { ground: PROBED, probe })).toMatchObject({
      action: 'rollback',
      reason: expect.stringContaining(
        'A probe of route "api" was refused with the new version (status 401)',
      ),
    });
    const settings = { ...DEFAULT_CUTOVER_SETTINGS, onRefusal: 'hold' } as const;
    const held = cutoverOf({ state: 'PENDING', settings });
    expect(decide(held, [], { ground: PROBED, probe })).toEqual(hold('refused'));
    const still = cutoverOf({ state: 'PENDING', settings, hold: 'refused' });
    expect(decide(still, [], { ground: PROBED, probe })).toEqual({ action: 'probe' });
    const good = { ...probe, finding: 'accepted' } as const;
    expect(decide(still, [], { ground: PROBED, probe: good })).toMatchObject({ action: 'advance' });
  });

  test('a version that a route cannot place ends it', () => {
    const failure = { route: 'api', detail: 'secret "key" has no value in production' };
    expect(decide(pending, [], { ground: { probes: [], failure } })).toMatchObject({
      action: 'rollback',
      reason: expect.stringContaining('Route "api" cannot send the new version: secret "key"'),
    });
  });
});

describe('a version that is refused', () => {
  test('is rolled back by pairs of two clients, with the figures', () => {
    const observations = [
      ...traffic('a', { old: 60, pairs: 4 }),
      ...traffic('b', { old: 60, pairs: 3 }),
    ];
    expect(decide(cutoverOf(), observations, { nowMs: START_MS + 900 })).toEqual({
      action: 'rollback',
      reason:
        'The new version was refused 7 times where the old one was accepted, and accepted 0 times.',
      evidence: {
        step: 0,
        sinceMs: null,
        route: null,
        old: { accepted: 127, refused: 0, failed: 0, pairedRefusals: 0, sharedRefusals: 0 },
        new: { accepted: 0, refused: 7, failed: 0, pairedRefusals: 7, sharedRefusals: 0 },
        probes: 0,
        clients: 2,
        probability: expect.closeTo(1e-14, 20),
        probabilityWithoutClient: expect.closeTo(1e-6, 10),
      },
    });
  });

  test('is rolled back also while the cutover is paused, held, or in its window', () => {
    const observations = [...traffic('a', { pairs: 9 }), ...traffic('b', { pairs: 9 })];
    const late = observations.map((one) => ({ ...one, step: 1 }));
    for (const cutover of [cutoverOf({ paused: true }), cutoverOf({ hold: 'upstream_failing' })]) {
      expect(decide(cutover, observations)).toMatchObject({ action: 'rollback' });
    }
    expect(decide(currentCutover(), late)).toMatchObject({ action: 'rollback' });
  });

  test('is held where asked to, until a person decides or the refusals are over', () => {
    const settings = { ...DEFAULT_CUTOVER_SETTINGS, onRefusal: 'hold' } as const;
    const refused = [...traffic('a', { pairs: 9 }), ...traffic('b', { pairs: 9 })];
    expect(decide(cutoverOf({ settings }), refused)).toEqual(hold('refused'));
    const held = cutoverOf({ settings, hold: 'refused' });
    expect(decide(held, refused)).toEqual(WAIT);
    const recent = { figures: traffic('a', { new: 60 }), sinceMs: START_MS };
    expect(decide(held, refused, { recent })).toEqual(hold(null));
  });

  test('on one route of many is rolled back, and the evidence names the route', () => {
    const observations = [
      ...traffic('a', { old: 90_000, new: 9000 }),
      ...traffic('b', { old: 90_000, new: 9000 }),
      ...traffic('a', { old: 50, pairs: 6 }, { route: 'refunds' }),
      ...traffic('b', { old: 50, pairs: 6 }, { route: 'refunds' }),
    ];
    expect(decide(cutoverOf(), observations)).toMatchObject({
      action: 'rollback',
      reason: expect.stringContaining('12 times on route "refunds"'),
      evidence: { route: 'refunds', new: { accepted: 0, pairedRefusals: 12 } },
    });
  });

  test('late in the window is rolled back by what came lately', () => {
    const cutover = currentCutover();
    const before = traffic('a', { new: 1_000_000 }, { step: 1 });
    const lately = [
      ...traffic('a', { new: 20, pairs: 10 }, { step: 1 }),
      ...traffic('b', { new: 20, pairs: 10 }, { step: 1 }),
    ];
    const sinceMs = START_MS + 50_000;
    const recent = { figures: lately, sinceMs };
    expect(decide(cutover, [...before, ...lately])).toEqual(WAIT);
    expect(decide(cutover, [...before, ...lately], { recent })).toMatchObject({
      action: 'rollback',
      evidence: { sinceMs, new: { pairedRefusals: 20, accepted: 40 } },
    });
  });

  test('is not rolled back by what the old version is refused for and the new one is not', () => {
    const observations = [
      ...traffic('a', { old: 100, new: 40, reversePairs: 50 }),
      ...traffic('b', { old: 100, new: 40, reversePairs: 50 }),
    ];
    expect(decide(cutoverOf(), observations)).not.toMatchObject({ action: 'rollback' });
  });

  test('nor by what both are refused for: that is the matter of the callers', () => {
    const observations = [
      ...traffic('a', { old: 1000, new: 100, shared: 30 }),
      ...traffic('b', { old: 1000, new: 100, shared: 30 }),
    ];
    expect(decide(cutoverOf(), observations)).toMatchObject({ action: 'advance' });
  });
});

describe('one client', () => {
  const hostile = traffic('mallory', { old: 900, pairs: 100 });

  test('causes no rollback while others send requests; the cutover is held', () => {
    expect(decide(cutoverOf(), [...hostile, ...GOOD])).toEqual(hold('one_client'));
    expect(decide(cutoverOf(), [...hostile, ...traffic('b', { old: 3 })])).toEqual(
      hold('one_client'),
    );
    expect(decide(cutoverOf({ hold: 'one_client' }), [...hostile, ...GOOD])).toEqual(WAIT);
  });

  test('that is the only one is believed', () => {
    expect(decide(cutoverOf(), hostile)).toMatchObject({
      action: 'rollback',
      evidence: { probabilityWithoutClient: null },
    });
  });

  test('that is early does not pass for the only one', () => {
    const expectedClients = new Set(['shop', 'mallory']);
    const early = { nowMs: START_MS + 500, expectedClients };
    expect(decide(cutoverOf(), hostile, early)).toEqual(hold('one_client'));
    const alone = { nowMs: START_MS + 500, expectedClients: new Set(['mallory']) };
    expect(decide(cutoverOf(), hostile, alone)).toMatchObject({ action: 'rollback' });
    expect(decide(cutoverOf(), hostile, { expectedClients })).toMatchObject({ action: 'rollback' });
  });

  test('that alone was chosen to try the new version is believed', () => {
    const settings = { ...DEFAULT_CUTOVER_SETTINGS, clients: ['pilot'] };
    const observations = [...traffic('pilot', { pairs: 3 }), ...traffic('b', { old: 1000 })];
    expect(decide(cutoverOf({ settings }), observations)).toMatchObject({ action: 'rollback' });
    const late = observations.map((one) => ({ ...one, step: 1 }));
    expect(decide(currentCutover({ settings }), late)).toEqual(hold('one_client'));
  });

  test('is confirmed by probes, which are nobody else’s word', () => {
    const probes = traffic(PROBE_CLIENT, { pairs: 2 });
    const observations = [...hostile, ...traffic('b', { old: 3 })];
    expect(decide(cutoverOf({ hold: 'one_client' }), observations, { ground: PROBED })).toEqual({
      action: 'probe',
    });
    expect(decide(cutoverOf(), [...observations, ...probes])).toMatchObject({
      action: 'rollback',
    });
  });

  test('does not keep others from going on once it is quiet', () => {
    const observations = [...hostile, ...GOOD];
    const held = cutoverOf({ hold: 'one_client' });
    const recent = { figures: GOOD, sinceMs: START_MS };
    expect(decide(held, observations, { recent })).toEqual(hold(null));
    expect(decide(cutoverOf(), observations, { recent })).toMatchObject({ action: 'advance' });
  });

  test('does not hold a cutover by requests that either version is refused for, or fails with', () => {
    for (const mischief of [{ shared: 5000 }, { failedOld: 5000, failedNew: 500 }]) {
      expect(decide(cutoverOf(), [...traffic('mallory', mischief), ...GOOD])).toMatchObject({
        action: 'advance',
      });
    }
  });

  test('does not hide a bad version by refusals of its own', () => {
    const noise = traffic('mallory', { old: 500, reversePairs: 500, shared: 3000 });
    const refused = ['a', 'b', 'c'].flatMap((name) => traffic(name, { old: 90, pairs: 10 }));
    expect(decide(cutoverOf(), [...noise, ...refused])).toMatchObject({ action: 'rollback' });
    const late = [...traffic('mallory', { new: 500, shared: 3000 }), ...refused].map((one) => ({
      ...one,
      step: 1,
    }));
    expect(decide(currentCutover(), late)).toMatchObject({ action: 'rollback' });
  });
});

describe('holds', () => {
  const clients = ['a', 'b', 'c'];
  const all = (sent: Parameters<typeof traffic>[1]) =>
    clients.flatMap((name) => traffic(name, sent));

  test.each([
    ['control_refused', 'both are refused', { shared: 20 }],
    [
      'control_refused',
      'both are refused by chance',
      { old: 60, reversePairs: 30, new: 6, pairs: 4 },
    ],
    ['control_refused', 'both are refused without retries', { unpairedOld: 90, unpairedNew: 10 }],
    ['upstream_failing', 'both fail', { failedOld: 90, failedNew: 10 }],
    ['upstream_failing', 'both fail often', { old: 600, failedOld: 300, new: 60, failedNew: 30 }],
    ['new_failing', 'requests fail with the new one alone', { old: 300, new: 20, failedNew: 10 }],
    [
      'unpaired_refusals',
      'it is refused where nothing is tried again',
      { old: 300, unpairedNew: 9 },
    ],
  ] as const)('%s: %s', (name, _when, sent) => {
    const observations = all(sent);
    expect(decide(cutoverOf(), observations)).toEqual(hold(name));
    expect(decide(cutoverOf({ hold: name }), observations)).toEqual(WAIT);
    expect(decide(cutoverOf({ hold: name }), observations, { ground: PROBED })).toEqual({
      action: 'probe',
    });
  });

  test.each([
    { old: 300, new: 100, failedOld: 3, failedNew: 1 },
    { old: 300, new: 100, unpairedOld: 9, unpairedNew: 3 },
    { old: 300, new: 100, shared: 8 },
  ])('are not for what an upstream always does: %j', (sent) => {
    expect(decide(cutoverOf(), all(sent))).toMatchObject({ action: 'advance' });
  });

  test('end when the share has fallen to its limit, not when it ceases to be significant', () => {
    const held = cutoverOf({ hold: 'upstream_failing' });
    const recentOf = (failed: number) => ({
      recent: {
        figures: all({
          old: 100 - failed,
          failedOld: failed,
          new: 100 - failed,
          failedNew: failed,
        }),
        sinceMs: START_MS,
      },
    });
    expect(decide(cutoverOf(), [], recentOf(11))).toEqual(WAIT);
    expect(decide(held, [], recentOf(11))).toEqual(WAIT);
    expect(decide(held, [], recentOf(10))).toEqual(hold(null));
  });

  test('do not end by silence', () => {
    const held = cutoverOf({ hold: 'upstream_failing' });
    const failing = all({ failedOld: 10, failedNew: 10 });
    expect(decide(held, failing, { nowMs: START_MS + 86_400_000 })).toEqual(WAIT);
  });
});

describe('the window', () => {
  const { windowEndsAtMs } = currentCutover();

  test('is completed when it is over', () => {
    const nowMs = windowEndsAtMs ?? 0;
    expect(decide(currentCutover(), [], { nowMs: nowMs - 1 })).toEqual(WAIT);
    expect(decide(currentCutover(), [], { nowMs })).toMatchObject({ action: 'complete' });
    expect(decide(currentCutover({ paused: true }), [], { nowMs })).toEqual(WAIT);
  });

  test('lasts longer while the cutover is held', () => {
    const nowMs = (windowEndsAtMs ?? 0) + 1000;
    const failing = ['a', 'b'].flatMap((name) => traffic(name, { failedNew: 20 }, { step: 1 }));
    expect(decide(currentCutover(), failing, { nowMs })).toEqual(hold('upstream_failing'));
    const held = currentCutover({ hold: 'upstream_failing' });
    expect(decide(held, failing, { nowMs })).toEqual(WAIT);
  });
});

describe('whatever was observed', () => {
  const count = fc.integer({ min: 0, max: 40 });
  const sent = fc.record({
    old: count,
    new: count,
    pairs: count,
    reversePairs: count,
    shared: count,
    failedOld: count,
    failedNew: count,
    unpairedOld: count,
    unpairedNew: count,
  });
  const many = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c', PROBE_CLIENT), sent, fc.constantFrom('api', 'other')),
    { maxLength: 8 },
  );
  const observationsOf = (list: readonly (readonly [string, object, string])[]) =>
    list.flatMap(([client, one, route]) => traffic(client, one, { route }));

  test('no pair, no rollback', () => {
    fc.assert(
      fc.property(many, (list) => {
        const observations = observationsOf(
          list.map(([c, one, r]) => [c, { ...one, pairs: 0 }, r]),
        );
        expect(decide(cutoverOf(), observations).action).not.toBe('rollback');
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('pairs of one client of several are no rollback', () => {
    fc.assert(
      fc.property(many, fc.integer({ min: 0, max: 100_000 }), (list, pairs) => {
        const observations = [
          ...traffic('quiet', { old: 1 }),
          ...traffic('mallory', { pairs }),
          ...observationsOf(list.map(([c, one, r]) => [c, { ...one, pairs: 0 }, r])),
        ];
        expect(decide(cutoverOf(), observations).action).not.toBe('rollback');
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  test('the decision is the same in any order, and settles: a hold is decided once', () => {
    fc.assert(
      fc.property(many, (list) => {
        const observations = observationsOf(list);
        const decision = decide(cutoverOf(), observations);
        expect(decide(cutoverOf(), [...observations].reverse()).action).toBe(decision.action);
        if (decision.action !== 'hold') return;
        const held = cutoverOf({ hold: decision.hold });
        expect(decide(held, observations)).toEqual(WAIT);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test('a good version is rolled back in at most 1 of 100 steps, looking after every request', () => {
    const random = seededRandom(5);
    const runs = 400;
    let rolledBack = 0;
    for (let run = 0; run < runs; run++) {
      const sent = ['a', 'b', 'c'].map(() => ({ old: 0, new: 0, pairs: 0 }));
      for (let request = 0; request < 300; request++) {
        const one = sent[Math.floor(random() * 3)] ?? { old: 0, new: 0, pairs: 0 };
        // At the limit: as bad as what is borne.
        if (random() < 0.01) one.pairs++;
        else one.new++;
        if (one.pairs === 0) continue;
        const observations = sent.flatMap((counts, i) => traffic(`c${i}`, counts));
        if (decide(cutoverOf(), observations).action === 'rollback') {
          rolledBack++;
          break;
        }
      }
    }
    expect(rolledBack / runs).toBeLessThanOrEqual(0.01);
  });
});
