import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { ENDED_RUN_STATES, type RunState, type Store } from '../../src/core/index.js';
import type { StandInEntry } from './all-stand-ins.js';
import { KilledRuns } from './killed-runs.js';
import { TEST_ACTOR as actor } from './open-test-store.js';
import { serveKeyferry, temporaryDataDir } from './serve-process.js';
import { WAY_OF_A_RUN } from './way-of-a-run.js';

/** All but the one that a run begins with. */
const STEPS = WAY_OF_A_RUN.slice(1);
/** Longer than a lease. */
const LATER_MS = 120_000;
const LONGEST_STATE_MS = 180_000;
/** Later than the state is seen by up to so much: also between one write and the next. */
const LONGEST_DELAY_MS = 20;
const LAST_LIVES = 10;

export interface ServerKillReport {
  readonly findings: readonly string[];
  /** States in which a server was killed. */
  readonly met: readonly RunState[];
}

/**
 * A rotation of one stand-in by real servers, each of which is killed when the run has reached one state more, up to its
 * end. Undefined where the stand-in cannot be started on this machine.
 */
export async function killServers(
  entry: StandInEntry,
  random: () => number,
): Promise<ServerKillReport | undefined> {
  const standIn = await entry.start();
  if (standIn === undefined) return undefined;
  onTestFinished(() => standIn.close());
  const dataDir = temporaryDataDir();
  const { commandFolder } = standIn;
  const flags = commandFolder === undefined ? [] : ['--command-folder', commandFolder];
  const runs = new KilledRuns(entry.name, standIn, dataDir);
  const met: RunState[] = [];

  /** One server, killed when the run is so far; gives where it is found then. */
  const live = async (step: RunState): Promise<RunState> => {
    const server = await serveKeyferry({ dataDir, flags });
    await untilStep(dataDir, step);
    await wait(random() * LONGEST_DELAY_MS);
    await server.kill();
    await runs.withStore(releaseOpen, LATER_MS);
    return runs.withStore(async (store) => {
      await runs.look(store);
      await lookAtMessages(store, runs);
      const { state, endedAtMs } = await requireRun(runs, store);
      if (endedAtMs === null) await runs.goOn(store);
      return state;
    });
  };

  await runs.withStore(async (store) => {
    await runs.prepare(store);
    await store.createChannel({ actor, name: 'log', settings: LOG });
    await runs.goOn(store);
  });
  let state: RunState = 'PLANNED';
  for (const step of STEPS) {
    if (isOver(state) || STEPS.indexOf(state) > STEPS.indexOf(step)) continue;
    state = await live(step);
    met.push(state);
  }
  for (let life = 0; life < LAST_LIVES && !isOver(state); life++) state = await live('DONE');
  if (state !== 'DONE') runs.find(`ended as ${state}: ${runs.seen}`);
  return { findings: runs.findings, met };
}

const LOG = { kind: 'log', events: null, leastUrgency: 'notice', cooldownMinutes: 0 } as const;

function isOver(state: RunState): boolean {
  return (ENDED_RUN_STATES as readonly RunState[]).includes(state);
}

async function requireRun(runs: KilledRuns, store: Store) {
  const run = await runs.run(store);
  if (run === null) throw new Error('there is no run');
  return run;
}

/** Nobody waits for the lease of the dead to end. */
async function releaseOpen(store: Store): Promise<void> {
  for (const { id } of await store.claimableRuns(1)) {
    const claimed = await store.claimRun({ id, holder: 'test', leaseMs: 1000 });
    if (claimed !== undefined) await store.releaseRun(claimed);
  }
}

/** A run is done if and only if that is told: both are one transaction. */
async function lookAtMessages(store: Store, runs: KilledRuns): Promise<void> {
  const { id, state } = await requireRun(runs, store);
  const { items } = await store.listDeliveries({});
  const told = items.filter(({ message }) => {
    return message.event === 'rotation_succeeded' && message.subject === id;
  });
  const expected = state === 'DONE' ? 1 : 0;
  if (told.length !== expected) runs.find(`${state}, and ${told.length} messages of its success`);
}

/** Looks into the database beside the server: its log is written a moment later. */
async function untilStep(dataDir: string, step: RunState): Promise<void> {
  const database = new Database(join(dataDir, 'keyferry.db'), { readonly: true });
  try {
    const newest = database.prepare<[], { state: RunState; problem: string | null }>(
      'SELECT state, problem FROM rotation_runs ORDER BY position DESC LIMIT 1',
    );
    const endsAtMs = Date.now() + LONGEST_STATE_MS;
    for (;;) {
      const { state = 'PLANNED', problem = null } = newest.get() ?? {};
      if (isOver(state) || STEPS.indexOf(state) >= STEPS.indexOf(step)) return;
      if (state === 'AWAITING_VALUE' || state === 'NEEDS_ATTENTION') return;
      // A person does it: see `goOn`.
      if (state === 'REVOKING' && problem !== null) return;
      if (Date.now() > endsAtMs) throw new Error(`the run stays ${state}: ${problem}`);
      await wait(5);
    }
  } finally {
    database.close();
  }
}
