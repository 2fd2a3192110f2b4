import { rmSync } from 'node:fs';
import type { StandInEntry } from './all-stand-ins.js';
import { runAndKill } from './kill-process.js';
import { KilledRuns } from './killed-runs.js';
import { newDataDir } from './open-test-store.js';
import type { ProviderStandIn, StandInFault } from './provider-stand-in.js';

const LONGEST_LIFE_MS = 1000;
/** Whole lives at the end, in which the last run comes to its end. */
const LAST_LIVES = 20;
const FAULTS: readonly StandInFault[] = ['lost_answer', 'unavailable', 'throttled', 'broken_key'];
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

class KillRig {
  readonly #runs: KilledRuns;
  readonly #standIn: ProviderStandIn;
  readonly #dataDir: string;
  readonly #random: () => number;
  readonly #met = new Map<string, number>();

  constructor(name: string, standIn: ProviderStandIn, dataDir: string, random: () => number) {
    this.#runs = new KilledRuns(name, standIn, dataDir);
    this.#standIn = standIn;
    this.#dataDir = dataDir;
    this.#random = random;
  }

  async kill(kills: number, signal?: AbortSignal): Promise<KillReport> {
    const runs = this.#runs;
    await runs.withStore((store) => runs.prepare(store));
    let done = 0;
    for (; done < kills && signal?.aborted !== true; done++) {
      if (this.#random() < 0.2) this.#fail();
      await this.#live(this.#random() * LONGEST_LIFE_MS, false);
    }
    // What was begun comes to its end, and a key of somebody else is left alone by one more run.
    await this.#finish();
    const foreign = await this.#standIn.addForeignKey?.();
    if (foreign !== undefined) {
      await runs.withStore((store) => runs.goOn(store));
      await this.#finish();
      const key = (await this.#standIn.keys()).find(({ id }) => id === foreign);
      if (key?.state !== 'live') runs.find(`foreign key ${foreign} is ${key?.state}`);
    }
    return { kills: done, findings: runs.findings, ends: runs.ends, met: this.#met };
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
    this.#runs.find(`does not come to its end: ${this.#runs.seen}`);
  }

  /** One process, and what is to be seen after it; gives whether no run is open. */
  async #live(lifeMs: number, isLast: boolean): Promise<boolean> {
    const runs = this.#runs;
    const { commandFolder } = this.#standIn;
    const given = { offsetMs: runs.offsetMs, pace: PACE, commandFolder, untilEnd: isLast };
    const options = JSON.stringify(given);
    const args = [this.#dataDir, options];
    const { lines, errors } = await runAndKill('rotation-process.mjs', args, lifeMs);
    if (errors !== '') runs.find(`the engine said ${errors}`);
    const state = lines.at(-1);
    if (state !== undefined) this.#met.set(state, (this.#met.get(state) ?? 0) + 1);
    runs.offsetMs += PACE.leaseMs;
    return runs.withStore(async (store) => {
      await runs.look(store);
      const run = await runs.run(store);
      const isOver = run === null || run.endedAtMs !== null;
      if (isOver && isLast) return true;
      await runs.goOn(store);
      return false;
    });
  }
}
