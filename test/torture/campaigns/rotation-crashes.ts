import { SecretValue, type Store } from '../../../src/core/index.js';
import type { Recovery } from '../../../src/rotation/index.js';
import { PACE, PLACE, type RotationRig, startRig } from '../../rotation/rotation-rig.js';
import type { ServiceFault } from '../../support/key-service.js';
import { TEST_ACTOR as actor } from '../../support/open-test-store.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const RECOVERIES: readonly Recovery[] = ['apply', 'replay', 'list', 'consume', 'assisted'];
const FAULTS: readonly ServiceFault[] = ['lost', 'unavailable', 'throttled', 'refused'];
/** So long things go wrong; then every run comes to its end. */
const WILD_TICKS = 25;
const MOST_TICKS = 400;

/**
 * Runs of every way of recovering, with faults at the provider, engines that cease in the middle of a step, and people
 * who direct them: one current version at any time, no old key gone too soon, no key lost, none of others touched.
 */
export const campaign: Campaign = {
  name: 'rotation-crashes',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'rotation runs with random faults, crashes and directions',
  slice: 60,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  const ends = new Map<string, number>();
  let crashes = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const recovery = RECOVERIES[done % RECOVERIES.length] ?? 'list';
    const rig = await startRig({ recovery, routed: random() < 0.7 });
    const wild = new WildRun(rig, recovery, random);
    const problems = await wild.play();
    findings.push(...problems.map((text) => `run ${done} (${recovery}, seed ${seed}): ${text}`));
    const { state } = await rig.run();
    ends.set(state, (ends.get(state) ?? 0) + 1);
    crashes += wild.crashes;
    await rig.close();
    done++;
  }
  const shown = [...ends].map(([state, times]) => `${times} ${state}`).join(', ');
  return { done, findings, note: `${crashes} crashes; ${shown}` };
}

class WildRun {
  crashes = 0;
  readonly #rig: RotationRig;
  readonly #recovery: Recovery;
  readonly #random: () => number;
  #isWild = true;

  constructor(rig: RotationRig, recovery: Recovery, random: () => number) {
    this.#rig = rig;
    this.#recovery = recovery;
    this.#random = random;
  }

  /** Gives what should not have happened. */
  async play(): Promise<string[]> {
    const { service, opened } = this.#rig;
    const foreign = this.#chance(0.1);
    if (foreign) service.add({ id: 'theirs', value: 'their-value', madeBy: 'other' });
    const isBroken = this.#chance(0.1);
    service.fault = (call) => {
      if (call === 'make') return isBroken ? 'broken_key' : undefined;
      return this.#isWild && this.#chance(0.12) ? this.#pick(FAULTS) : undefined;
    };
    await this.#rig.start(this.#chance(0.15) ? 'emergency' : 'manual');
    for (let tick = 0; tick < MOST_TICKS; tick++) {
      this.#isWild = tick < WILD_TICKS;
      await this.#live();
      await this.#rig.tickCutovers();
      const problem = await this.#look();
      if (problem !== undefined) return [problem];
      const { state, endedAtMs } = await this.#rig.run();
      if (endedAtMs !== null) return this.#judge();
      if (state === 'AWAITING_VALUE') await this.#give();
      if (state === 'NEEDS_ATTENTION') await this.#attend();
      if (this.#isWild) await this.#direct();
      opened.clock.advance(Math.floor(this.#random() * 8000));
    }
    const { state, problem, attempts } = await this.#rig.run();
    return [`stays ${state} after ${attempts} attempts: ${problem}`];
  }

  /** One engine, until it has nothing to do or ceases. */
  async #live(): Promise<void> {
    const { store, opened } = this.#rig;
    const mortal = this.#isWild && this.#chance(0.5);
    const life = { calls: mortal ? Math.floor(this.#random() * 60) : Number.POSITIVE_INFINITY };
    const engine = this.#rig.engine(mortal ? dying(store, life, this.#random) : store);
    await engine.tick();
    await engine.close();
    if (life.calls > 0) return;
    this.crashes++;
    opened.clock.advance(PACE.leaseMs);
  }

  async #give(): Promise<void> {
    const { service, store } = this.#rig;
    const { id } = await this.#rig.run();
    const key = service.make(`pasted-${this.#random()}`, service.fault('make') === undefined);
    const value = SecretValue.fromText(key.value);
    await store.giveValue({ actor, id, value, keyId: key.id });
  }

  /** What a person does who reads the problem. */
  async #attend(): Promise<void> {
    const { service, store } = this.#rig;
    const run = await this.#rig.run();
    const known = await store.providerKeys(PLACE.secret, PLACE.environment);
    for (const key of service.live()) {
      const isKnown = known.some(({ keyId }) => keyId === key.id);
      if (key.madeBy === 'keyferry' && !isKnown) key.state = 'gone';
    }
    if (this.#recovery === 'consume') {
      const place = { secret: 'service_token', environment: '_providers' };
      const value = SecretValue.fromText(service.refreshToken);
      const { version } = await store.addVersion({ actor, ...place, value });
      await store.activateVersion({ actor, ...place, version });
    }
    await store.directRun({ actor, id: run.id, to: this.#chance(0.7) ? 'resume' : 'rollback' });
  }

  async #direct(): Promise<void> {
    const { store } = this.#rig;
    const { id, cutoverId } = await this.#rig.run();
    const rotation = await this.#rig.rotation();
    const unless = (): undefined => undefined;
    if (this.#chance(0.008)) await store.directRun({ actor, id, to: 'rollback' }).catch(unless);
    if (this.#chance(0.01)) await store.directRun({ actor, id, to: 'emergency' }).catch(unless);
    if (this.#chance(0.008) && cutoverId !== null) {
      await store.rollbackCutover({ actor, id: cutoverId, reason: 'by hand' }).catch(unless);
    }
    if (this.#chance(0.03)) {
      await store.setRotationState({ actor, id: rotation.id, state: 'paused' });
      await this.#live();
      await store.setRotationState({ actor, id: rotation.id, state: 'active' });
    }
  }

  async #look(): Promise<string | undefined> {
    const current = await this.#rig.currentVersions();
    if (current.length !== 1) return `current versions: ${current}`;
    return this.#rig.service.violations[0];
  }

  async #judge(): Promise<string[]> {
    const { service, store } = this.#rig;
    const { state, toVersion } = await this.#rig.run();
    const problems: string[] = [];
    const known = await store.providerKeys(PLACE.secret, PLACE.environment);
    for (const { id, madeBy } of service.live()) {
      const isKnown = known.some((key) => key.keyId === id && key.state === 'live');
      if (madeBy === 'keyferry' && !isKnown)
        problems.push(`${state}, and key ${id} is live unknown`);
    }
    if (service.keys.get('theirs')?.state === 'gone') problems.push('their key is gone');
    const [current] = await this.#rig.currentVersions();
    if (state === 'DONE' && current !== toVersion) problems.push(`DONE, but ${current} is current`);
    if (state !== 'DONE' && current !== 1) problems.push(`${state}, but ${current} is current`);
    const [found] = await store.resolveValues([{ ...PLACE, version: undefined }]);
    if (found?.status !== 'found') return [...problems, 'the current version has no value'];
    if (!service.accepts(new TextDecoder().decode(found.value.expose()))) {
      problems.push(`${state}, and the current value is refused`);
    }
    return problems;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}

/** The same store for so many calls; then nothing it is told or says arrives any more. */
function dying(store: Store, life: { calls: number }, random: () => number): Store {
  return new Proxy(store, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        if (life.calls <= 0) throw new Error('ceased');
        life.calls--;
        // The last one is done or not: nobody is told.
        if (life.calls === 0 && random() < 0.5) throw new Error('ceased');
        const answer: unknown = await method.apply(target, args);
        if (life.calls <= 0) throw new Error('ceased');
        return answer;
      };
    },
  });
}
