import { rmSync } from 'node:fs';
import { type RotationRun, SecretValue, type Store } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import type { StandInEntry } from './all-stand-ins.js';
import { runAndKill } from './kill-process.js';
import { TEST_ACTOR as actor, newDataDir } from './open-test-store.js';
import { type PreparedRotation, prepareRotation } from './prepare-rotation.js';
import { headersWith } from './provider-rig.js';
import type { ProviderStandIn, StandInFault } from './provider-stand-in.js';

const LONGEST_LIFE_MS = 1000;
/** Whole lives at the end, in which the last run comes to its end. */
const LAST_LIVES = 20;
const FAULTS: readonly StandInFault[] = ['lost_answer', 'unavailable', 'throttled', 'broken_key'];
const SECRET = 'rotated';
const PLACE = { secret: SECRET, environment: 'production' };
const PACE = {
  leaseMs: 4000,
  callTimeoutMs: 3000,
  retriesMs: [50, 100, 200],
  longestRetryMs: 500,
  retryForMs: 3_600_000,
  verifyForMs: 4000,
  verifyEveryMs: 50,
  settleMs: 20,
  emergencyWaitMs: 200,
  pollMs: 20,
};

export interface KillReport {
  readonly kills: number;
  readonly findings: readonly string[];
  /** Runs by how they ended, and states by how often a process was killed in them. */
  readonly ends: ReadonlyMap<string, number>;
  readonly met: ReadonlyMap<string, number>;
}

/** Kills engines at random moments of runs against one stand-in, and looks after each what must be so. */
export async function killRotations(
  entry: StandInEntry,
  kills: number,
  random: () => number,
  signal?: AbortSignal,
): Promise<KillReport | undefined> {
  const standIn = await entry.start();
  if (standIn === undefined) return undefined;
  const dataDir = newDataDir();
  try {
    const rig = new KillRig(entry.name, standIn, dataDir, random);
    return await rig.kill(kills, signal);
  } finally {
    await standIn.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

interface EndsByHand {
  endByHand?(headers: Readonly<Record<string, string>>): Promise<void>;
}

class KillRig {
  readonly #name: string;
  readonly #standIn: ProviderStandIn;
  readonly #dataDir: string;
  readonly #random: () => number;
  readonly #findings: string[] = [];
  readonly #ends = new Map<string, number>();
  readonly #met = new Map<string, number>();
  /** Leases of the killed are over: their time has passed. */
  #offsetMs = 0;
  #prepared: PreparedRotation | undefined;
  #seen = '';
  readonly #told = new Set<string>();

  constructor(name: string, standIn: ProviderStandIn, dataDir: string, random: () => number) {
    this.#name = name;
    this.#standIn = standIn;
    this.#dataDir = dataDir;
    this.#random = random;
  }

  async kill(kills: number, signal?: AbortSignal): Promise<KillReport> {
    await this.#withStore(async (store) => {
      const later = { nextRunAtMs: Date.now() + 86_400_000, cutover: { steps: [100] } };
      this.#prepared = await prepareRotation(store, this.#standIn, SECRET, later);
      const references = [{ route: 'api', ...PLACE, version: undefined }];
      await store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
    });
    let done = 0;
    for (; done < kills && signal?.aborted !== true; done++) {
      if (this.#random() < 0.2) this.#fail();
      await this.#live(this.#random() * LONGEST_LIFE_MS, false);
    }
    // What was begun comes to its end, and a key of somebody else is left alone by one more run.
    await this.#finish();
    const foreign = await this.#standIn.addForeignKey?.();
    if (foreign !== undefined) {
      await this.#withStore((store) => this.#goOn(store));
      await this.#finish();
      const key = (await this.#standIn.keys()).find(({ id }) => id === foreign);
      if (key?.state !== 'live') this.#find(`foreign key ${foreign} is ${key?.state}`);
    }
    return { kills: done, findings: this.#findings, ends: this.#ends, met: this.#met };
  }

  #find(text: string): void {
    this.#findings.push(`${this.#name}: ${text}`);
  }

  #fail(): void {
    const possible = FAULTS.filter((fault) => this.#standIn.faults.includes(fault));
    const fault = possible[Math.floor(this.#random() * possible.length)];
    if (fault !== undefined) this.#standIn.fail(fault, 1);
  }

  async #finish(): Promise<void> {
    for (let life = 0; life < LAST_LIVES; life++) {
      if (await this.#live(3000, true)) return;
    }
    this.#find(`does not come to its end: ${this.#seen}`);
  }

  /** One process, and what is to be seen after it; gives whether no run is open. */
  async #live(lifeMs: number, isLast: boolean): Promise<boolean> {
    const { commandFolder } = this.#standIn;
    const given = { offsetMs: this.#offsetMs, pace: PACE, commandFolder, untilEnd: isLast };
    const options = JSON.stringify(given);
    const args = [this.#dataDir, options];
    const { lines, errors } = await runAndKill('rotation-process.mjs', args, lifeMs);
    if (errors !== '') this.#find(`the engine said ${errors}`);
    const state = lines.at(-1);
    if (state !== undefined) this.#met.set(state, (this.#met.get(state) ?? 0) + 1);
    this.#offsetMs += PACE.leaseMs;
    return this.#withStore(async (store) => {
      await this.#look(store);
      const run = await this.#run(store);
      const isOver = run === null || run.endedAtMs !== null;
      if (isOver && isLast) return true;
      await this.#goOn(store);
      return false;
    });
  }

  async #withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const clock = { now: () => Date.now() + this.#offsetMs };
    const { store } = await openKeyferryStore({
      dataDir: this.#dataDir,
      clock,
      createIfMissing: true,
    });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  async #run(store: Store): Promise<RotationRun | null> {
    return (await store.findRotation(SECRET, 'production'))?.run ?? null;
  }

  /** What a person does: begins the next run, pastes a value, reads a problem and says how it goes on. */
  async #goOn(store: Store): Promise<void> {
    const rotation = await store.findRotation(SECRET, 'production');
    const run = rotation?.run ?? null;
    if (rotation === undefined) throw new Error('there is no rotation');
    if (run === null || run.endedAtMs !== null) {
      await store.startRun({ actor, rotationId: rotation.id, trigger: 'manual' });
    } else if (run.state === 'AWAITING_VALUE') {
      const text = await this.#standIn.valueToPaste?.();
      const value = SecretValue.fromText(text ?? '');
      const { fields } = this.#standIn;
      await store.giveValue({ actor, id: run.id, value, fields });
    } else if (run.state === 'REVOKING') {
      await this.#endOldKey(store, run);
    } else if (run.state === 'NEEDS_ATTENTION') {
      await this.#readProblem(store);
      await this.#signInAnew(store);
      await store.directRun({ actor, id: run.id, to: 'resume' });
    }
  }

  /** Where only a person can. */
  async #endOldKey(store: Store, { fromVersion }: RotationRun): Promise<void> {
    const standIn: ProviderStandIn & EndsByHand = this.#standIn;
    const version = fromVersion ?? undefined;
    const [old] = await store.resolveValues([{ ...PLACE, version }]);
    if (old?.status === 'found') await standIn.endByHand?.(headersWith(standIn, old.value));
  }

  /** A person has been asked about keys that were made and lost: from then on they are theirs. */
  async #readProblem(store: Store): Promise<void> {
    const known = await store.providerKeys(SECRET, 'production');
    for (const { id, madeBy } of await this.#standIn.keys()) {
      const isKnown = known.some(({ keyId }) => keyId === id);
      if (madeBy === 'keyferry' && !isKnown) this.#told.add(id);
    }
  }

  /** Where a refresh token may be spent. */
  async #signInAnew(store: Store): Promise<void> {
    const standIn: ProviderStandIn & { authorizeAnew?: () => string } = this.#standIn;
    const token = standIn.authorizeAnew?.();
    const name = standIn.config.refreshToken;
    if (token === undefined || typeof name !== 'string' || this.#prepared === undefined) return;
    const place = { secret: this.#prepared.providerSecret(name), environment: '_providers' };
    const value = SecretValue.fromText(token);
    const { version } = await store.addVersion({ actor, ...place, value });
    await store.activateVersion({ actor, ...place, version });
  }

  async #look(store: Store): Promise<void> {
    const run = await this.#run(store);
    if (run === null) return;
    this.#seen = `${run.state}: ${run.problem}`;
    const versions = await store.listVersions(SECRET, 'production');
    const current = versions.filter(({ state }) => state === 'current');
    const isFirst = this.#standIn.initial === undefined && run.fromVersion === null;
    if (current.length !== 1 && !isFirst) this.#find(`current versions: ${current.length}`);
    const keys = await this.#standIn.keys();
    const oldKey = keys.find(({ id }) => id === run.oldKeyId);
    const isVerified = ![
      'PLANNED',
      'PREFLIGHT',
      'AWAITING_VALUE',
      'MINTING',
      'MINTED',
      'PROBING',
    ].includes(run.resumesAs ?? run.state);
    if (oldKey !== undefined && oldKey.state !== 'live' && !isVerified) {
      this.#find(`${run.state}, and the old key ${oldKey.id} is ${oldKey.state}`);
    }
    if (run.endedAtMs === null) return;
    this.#ends.set(run.state, (this.#ends.get(run.state) ?? 0) + 1);
    await this.#lookAtEnd(store, run);
  }

  /** When a run has ended, what lives at the provider is what Keyferry knows. */
  async #lookAtEnd(store: Store, { state, reason, fromVersion }: RotationRun): Promise<void> {
    const known = await store.providerKeys(SECRET, 'production');
    for (const { id, state: now, madeBy } of await this.#standIn.keys()) {
      const isKnown = known.some(({ keyId, state: is }) => keyId === id && is === 'live');
      if (now === 'live' && madeBy === 'keyferry' && !isKnown && !this.#staysBehind(id)) {
        this.#find(`${state} (${reason}), and key ${id} lives unknown to Keyferry`);
      }
    }
    const [found] = await store.resolveValues([{ ...PLACE, version: undefined }]);
    // The first run of a secret without a value may be taken back: then there is none, as before.
    if (found?.status === 'missing' && fromVersion === null && state !== 'DONE') return;
    if (found?.status !== 'found')
      return this.#find(`${state}: the current value is ${found?.status}`);
    const headers = headersWith(this.#standIn, found.value);
    if (!(await this.#standIn.accepts(headers)))
      this.#find(`${state}: the current value is refused`);
  }

  /**
   * What nobody can take back but a person: a key that was pasted, and an access token whose answer was lost, which ends
   * by itself.
   */
  #staysBehind(id: string): boolean {
    if (this.#told.has(id)) return true;
    return this.#standIn.provider === 'oauth2' || this.#standIn.valueToPaste !== undefined;
  }
}
