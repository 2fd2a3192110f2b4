import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { Cutover, CutoverState, Store } from '../../../src/core/index.js';
import { inspectDatabase } from '../../../src/maintenance/inspect-database.js';
import { openKeyferryStore } from '../../../src/open-store.js';
import { runAndKill } from '../../support/kill-process.js';
import { newDataDir } from '../../support/open-test-store.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const LONGEST_LIFE_MS = 120;
const clock = { now: () => Date.now() };
const PLACES = ['a', 'b'].flatMap((secret) =>
  ['staging', 'production'].map((environment) => ({ secret, environment })),
);

/** The store alone is killed while cutovers begin, move and end: each is where it was acknowledged, or one command on. */
export const campaign: Campaign = {
  name: 'cutover-store-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'SIGKILLs of a store under 4 cutovers',
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
    const { lines, errors } = await runAndKill('cutover-process.mjs', args, lifeMs);
    if (errors !== '') findings.push(`kill ${done}: the mover said ${errors}`);
    acknowledged += lines.length;
    const problems = await look(dataDir, lines.map(toMove));
    findings.push(...problems.map((text) => `kill ${done}: ${text}`));
    done++;
  }
  if (acknowledged <= done) findings.push(`only ${acknowledged} commands`);
  return { done, findings, note: `${acknowledged} commands` };
}

interface Move {
  readonly id: string;
  readonly state: CutoverState;
  readonly step: number;
}

function toMove(line: string): Move {
  return JSON.parse(line);
}

/** What is wrong after a kill. */
async function look(dataDir: string, moves: readonly Move[]): Promise<string[]> {
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const problems: string[] = [];
  for (const [id, move] of new Map(moves.map((found) => [found.id, found]))) {
    const found = await store.getCutover(id);
    if (found === undefined || isBefore(found, move)) {
      problems.push(`${JSON.stringify(move)} is ${found?.state} at step ${found?.step}`);
    }
  }
  for (const place of PLACES) problems.push(...(await lookAt(store, place)));
  const audit = await store.verifyAudit();
  if (!audit.ok) problems.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  await store.close();
  const { database } = await inspectDatabase({ dataDir, clock });
  const rows = await database.verifyRows();
  if (rows.altered.length + rows.missing > 0) problems.push(`rows: ${JSON.stringify(rows)}`);
  await database.close();
  return problems;
}

async function lookAt(
  store: Store,
  { secret, environment }: { secret: string; environment: string },
): Promise<string[]> {
  const versions = await store.listVersions(secret, environment).catch(() => []);
  const where = `${secret} in ${environment}`;
  const current = versions.filter(({ state }) => state === 'current').map(({ version }) => version);
  if (versions.length > 0 && current.length !== 1) return [`${where}: current is ${current}`];
  const running = (await store.runningCutovers()).filter(
    (cutover) => cutover.secret === secret && cutover.environment === environment,
  );
  if (running.length > 1) return [`${where}: ${running.length} cutovers`];
  return running
    .filter((cutover) => current[0] !== pointedTo(cutover))
    .map(({ state }) => `${where}: ${state}, but version ${current} is current`);
}

const pointedTo = ({ state, fromVersion, toVersion }: Cutover): number | null =>
  state === 'CURRENT' ? toVersion : fromVersion;

const RANKS: Readonly<Record<CutoverState, number>> = {
  PENDING: 0,
  CANARY: 1,
  CURRENT: 2,
  COMPLETED: 3,
  ROLLED_BACK: 3,
};

function isBefore(found: Move, acknowledged: Move): boolean {
  const [now, then] = [RANKS[found.state], RANKS[acknowledged.state]];
  if (then === RANKS.COMPLETED) return found.state !== acknowledged.state;
  return now < then || (now === then && found.step < acknowledged.step);
}
