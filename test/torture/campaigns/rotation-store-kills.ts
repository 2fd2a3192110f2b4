import {
  isRunEnded,
  type RotationRun,
  RUN_TRANSITIONS,
  type RunState,
  type Store,
} from '../../../src/core/index.js';
import type { Campaign } from '../campaign.js';
import { killStore } from '../kill-store.js';

const LONGEST_LIFE_MS = 150;

/** The store alone is killed while runs go through their states: each is where it was acknowledged, or one step on. */
export const campaign: Campaign = {
  name: 'rotation-store-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'SIGKILLs of a store under 4 rotation runs',
  slice: 100,
  run: (slice) =>
    killStore(slice, {
      script: 'rotation-store-process.mjs',
      longestLifeMs: LONGEST_LIFE_MS,
      unit: 'steps',
      look,
    }),
};

interface Step {
  readonly id: string;
  readonly state: RunState;
  readonly epoch: number;
  readonly toVersion: number | null;
  readonly attempts: number;
}

function toStep(line: string): Step {
  return JSON.parse(line);
}

async function look(store: Store, lines: readonly string[]): Promise<string[]> {
  const steps = lines.map(toStep);
  const problems: string[] = [];
  for (const [id, step] of new Map(steps.map((found) => [found.id, found]))) {
    const found = await store.getRun(id);
    if (found === undefined || isBefore(found, step)) {
      problems.push(`${JSON.stringify(step)} is ${JSON.stringify(found)}`);
    }
  }
  for (const rotation of (await store.listRotations({})).items) {
    const { items } = await store.listRuns(rotation.id, { limit: 1_000 });
    const open = items.filter(({ endedAtMs }) => endedAtMs === null);
    if (open.length > 1) problems.push(`${rotation.id}: ${open.length} open runs`);
    for (const one of items) problems.push(...(await lookAt(store, one)));
  }
  return problems;
}

const WITHOUT_VALUE: readonly RunState[] = ['MINTING', 'CLEANUP', 'NEEDS_ATTENTION'];

/** The version of a run is there from its sealing on, and destroyed where it ended without a value. */
async function lookAt(store: Store, found: RotationRun): Promise<string[]> {
  const { id, secret, environment, state, toVersion } = found;
  const versions = await store.listVersions(secret, environment);
  const current = versions.filter((version) => version.state === 'current');
  const problems = current.length === 1 ? [] : [`${secret}: ${current.length} current versions`];
  const last = (await store.runEvents(id)).at(-1);
  if (last?.state !== state)
    problems.push(`${id}: ${state}, but its history ends in ${last?.state}`);
  if (toVersion === null) return problems;
  const version = versions.find((one) => one.version === toVersion);
  if (version === undefined && !WITHOUT_VALUE.includes(state)) {
    problems.push(`${id}: ${state} without its version ${toVersion}`);
  }
  if (version?.state === 'destroyed' && !isRunEnded(state)) {
    problems.push(`${id}: ${state} with a destroyed version ${toVersion}`);
  }
  return problems;
}

/** Not where it was acknowledged, and not where one command more would have brought it. */
function isBefore(found: RotationRun, step: Step): boolean {
  if (step.toVersion !== null && found.toVersion !== step.toVersion) return true;
  if (found.epoch < step.epoch || found.epoch > step.epoch + 1) return true;
  if (found.state === step.state) return found.attempts < step.attempts;
  return !RUN_TRANSITIONS[step.state].includes(found.state);
}
