import type { Cutover, CutoverState, Store } from '../../../src/core/index.js';
import type { Campaign } from '../campaign.js';
import { killStore } from '../kill-store.js';

const LONGEST_LIFE_MS = 120;
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
  run: (slice) =>
    killStore(slice, {
      script: 'cutover-process.mjs',
      longestLifeMs: LONGEST_LIFE_MS,
      unit: 'commands',
      look,
    }),
};

interface Move {
  readonly id: string;
  readonly state: CutoverState;
  readonly step: number;
}

function toMove(line: string): Move {
  return JSON.parse(line);
}

async function look(store: Store, lines: readonly string[]): Promise<string[]> {
  const moves = lines.map(toMove);
  const problems: string[] = [];
  for (const [id, move] of new Map(moves.map((found) => [found.id, found]))) {
    const found = await store.getCutover(id);
    if (found === undefined || isBefore(found, move)) {
      problems.push(`${JSON.stringify(move)} is ${found?.state} at step ${found?.step}`);
    }
  }
  for (const place of PLACES) problems.push(...(await lookAt(store, place)));
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
