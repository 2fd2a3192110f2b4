import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan, Trial } from '../../src/core/index.js';
import { chooseVersion, isLive, otherVersion } from '../../src/proxy/choose-version.js';
import { seededRandom } from '../support/seeded-random.js';

const use = (secretId: string, version: number) => ({ secretId, secret: secretId, version });
const planOf = (versions: Readonly<Record<string, number>>, more: Partial<Plan> = {}): Plan =>
  ({ uses: Object.entries(versions).map(([id, version]) => use(id, version)), ...more }) as Plan;

const BASE = planOf({ a: 1, b: 1 });
const trialOf = (cutoverId: string, share: number, more: Partial<Trial> = {}): Trial => ({
  cutoverId,
  step: 0,
  other: planOf({ a: 2, b: 1 }),
  otherSide: 'new',
  share,
  clients: undefined,
  stickyClients: false,
  ...more,
});

const DRAWS = 4000;
/** Six standard deviations of a share among so many draws. */
const tolerance = (share: number, draws: number): number =>
  6 * Math.sqrt((share * (1 - share)) / draws) + 1e-9;

describe('the version of a request', () => {
  it('is each of those being tried as often as its share says, sticky or not', () => {
    const trial = fc.record({ weight: fc.nat(100), stickyClients: fc.boolean() });
    const whole = fc.record({ trials: fc.array(trial, { maxLength: 4 }), rest: fc.nat(100) });
    fc.assert(
      fc.property(whole, fc.nat(), ({ trials: drawn, rest }, seed) => {
        const total = drawn.reduce((sum, { weight }) => sum + weight, rest + 1);
        const trials = drawn.map(({ weight, stickyClients }, index) =>
          trialOf(`cutover-${seed}-${index}`, weight / total, {
            stickyClients,
            other: planOf({ a: index + 2 }),
          }),
        );
        const random = seededRandom(seed);
        const counts = new Map<Plan, number>();
        for (let i = 0; i < DRAWS; i++) {
          const plan = chooseVersion(BASE, trials, `client-${i}`, random());
          counts.set(plan, (counts.get(plan) ?? 0) + 1);
        }
        for (const { share, other } of trials) {
          const found = (counts.get(other) ?? 0) / DRAWS;
          expect(Math.abs(found - share)).toBeLessThan(tolerance(share, DRAWS));
        }
      }),
      { seed: 4, numRuns: 30 },
    );
  });

  it('stays the same for a sticky client at one step, and never goes back when the share grows', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.uuid(),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (cutover, client, steps) => {
          let wasNew = false;
          for (const share of [...steps].sort((one, other) => one - other)) {
            const trials = [trialOf(cutover, share, { stickyClients: true })];
            const chosen = [0, 0.3, 0.7, 0.999].map((random) =>
              chooseVersion(BASE, trials, client, random),
            );
            expect(new Set(chosen).size).toBe(1);
            const isNew = chosen[0] !== BASE;
            expect(wasNew && !isNew).toBe(false);
            wasNew = isNew;
          }
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it('is another one only for the clients that it is tried with', () => {
    const trials = [trialOf('one', 1, { clients: new Set(['x']) })];
    expect(chooseVersion(BASE, trials, 'x', 0)).toBe(trials[0]?.other);
    expect(chooseVersion(BASE, trials, 'y', 0)).toBe(BASE);
  });

  it('is never one that cannot be placed, or that has no share', () => {
    const failure = { code: 'secret_missing', detail: '' } as const;
    const trials = [trialOf('one', 1, { other: planOf({ a: 2 }, { failure }) }), trialOf('two', 0)];
    expect(chooseVersion(BASE, trials, 'x', 0)).toBe(BASE);
  });
});

describe('the other version', () => {
  const of = (cutoverId: string, side: 'old' | 'new', versions: Record<string, number>): Plan =>
    planOf(versions, { trialOf: { cutoverId, step: 0, side } });
  const newA = of('A', 'new', { a: 2, b: 1 });
  const newB = of('B', 'new', { a: 1, b: 2 });
  const both = [trialOf('B', 0.1, { other: newB }), trialOf('A', 0.1, { other: newA })];
  const now = planOf({ a: 1, b: 1 }, { trials: both });

  it('is the current one for what is being tried, and the newest being tried for the current one', () => {
    expect(otherVersion(now, newA)).toBe(now);
    expect(otherVersion(now, newB)).toBe(now);
    expect(otherVersion(now, BASE)).toBe(newB);
  });

  it('is the old one of its own cutover when the one that was tried became current meanwhile', () => {
    const oldA = of('A', 'old', { a: 1, b: 1 });
    const both = of('B', 'new', { a: 2, b: 2 });
    const trials = [trialOf('B', 0.1, { other: both }), trialOf('A', 0, { other: oldA })];
    expect(otherVersion(planOf({ a: 2, b: 1 }, { trials }), newA)).toBe(oldA);
  });

  it('is the current one after a rollback or an end, and none where that was refused', () => {
    const rolledBack = planOf({ a: 1, b: 1 });
    const completed = planOf({ a: 2, b: 1 });
    expect(otherVersion(rolledBack, newA)).toBe(rolledBack);
    expect(otherVersion(rolledBack, BASE)).toBeUndefined();
    expect(otherVersion(completed, BASE)).toBe(completed);
    expect(otherVersion(completed, newA)).toBeUndefined();
  });

  it('is told from what no longer lives', () => {
    expect([BASE, newA, newB].map((plan) => isLive(now, plan))).toEqual([true, true, true]);
    expect([BASE, newA, newB].map((plan) => isLive(BASE, plan))).toEqual([true, false, false]);
    expect(isLive(now, planOf({ a: 1 }))).toBe(false);
  });
});
