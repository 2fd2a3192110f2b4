import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import {
  isRunEnded,
  type RotationRun,
  RUN_TRANSITIONS,
  type RunState,
  type Store,
} from '../../../src/core/index.js';
import { inspectDatabase } from '../../../src/maintenance/inspect-database.js';
import { openKeyferryStore } from '../../../src/open-store.js';
import { runAndKill } from '../../support/kill-process.js';
import { newDataDir } from '../../support/open-test-store.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const LONGEST_LIFE_MS = 150;
const clock = { now: () => Date.now() };

/** The store alone is killed while runs go through their states: each is where it was acknowledged, or one step on. */
export const campaign: Campaign = {
  name: 'rotation-store-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'SIGKILLs of a store under 4 rotation runs',
  slice: 100,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const dataDir = newDataDir();
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const findings: string[] = [];
  let acknowledged = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const lifeMs = random() * LONGEST_LIFE_MS;
    const args = [dataDir, String(seed + done)];
    const { lines, errors } = await runAndKill('rotation-store-process.mjs', args, lifeMs);
    if (errors !== '') findings.push(`kill ${done}: the mover said ${errors}`);
    acknowledged += lines.length;
    const problems = await look(dataDir, lines.map(toStep));
    findings.push(...problems.map((text) => `kill ${done}: ${text}`));
    done++;
  }
  if (acknowledged <= done) findings.push(`only ${acknowledged} steps`);
  return { done, findings, note: `${acknowledged} steps` };
}

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

/** What is wrong after a kill. */
async function look(dataDir: string, steps: readonly Step[]): Promise<string[]> {
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
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
  const audit = await store.verifyAudit();
  if (!audit.ok) problems.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  await store.close();
  const { database } = await inspectDatabase({ dataDir, clock });
  const rows = await database.verifyRows();
  if (rows.altered.length + rows.missing > 0) problems.push(`rows: ${JSON.stringify(rows)}`);
  await database.close();
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
