import { setTimeout as wait } from 'node:timers/promises';
import { vi } from 'vitest';
import { startCredentialUpstream } from '../../support/credential-upstream.js';
import {
  clientsOf,
  currentVersion,
  NEW_KEY,
  OLD_KEY,
  prepareCutover,
  type ShownCutover,
  showCutover,
} from '../../support/cutover-rig.js';
import { PATIENCE_MS } from '../../support/patience.js';
import { seededRandom } from '../../support/seeded-random.js';
import {
  type ServedKeyferry,
  serveKeyferry,
  temporaryDataDir,
} from '../../support/serve-process.js';
import { startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const PER_SECOND = 80;
const LONGEST_LIFE_MS = 4000;
const CUTOVERS = '/v1/secrets/key/environments/production/cutovers';
/** Seconds, not hours: so that a kill meets every state. */
const SETTINGS = { steps: [20, 60, 100], stepMinSamples: 10, stepMinSeconds: 1, windowMinutes: 0 };

/**
 * Servers are killed at random moments of cutovers under load, to good versions and to bad ones: the next has one
 * current version, sends nothing that was rolled back, and goes on.
 */
export const campaign: Campaign = {
  name: 'cutover-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 200,
  unit: 'SIGKILLs during cutovers under load',
  slice: 15,
  run,
};

interface Course {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** How it was last seen. */
  state: string;
}

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const upstream = await startCredentialUpstream(OLD_KEY, NEW_KEY);
  const dataDir = temporaryDataDir();
  const findings: string[] = [];
  const met = new Map<string, number>();
  const ended = { COMPLETED: 0, ROLLED_BACK: 0 };
  const keyOf = (version: number): string => (version === 1 ? OLD_KEY : NEW_KEY);
  let tokens: readonly string[] = [];
  let course: Course | undefined;

  /** What must be so after every start. */
  async function judge(server: ServedKeyferry): Promise<void> {
    const current = await currentVersion(server);
    if (current.length !== 1) findings.push(`current versions: ${current}`);
    if (course === undefined) return;
    const { id, from, to, state } = course;
    const shown = await showCutover(server, id);
    const hasEnded = (name: string): name is keyof typeof ended => name in ended;
    if (hasEnded(state) && shown.state !== state) findings.push(`${state}, then ${shown.state}`);
    if (!hasEnded(shown.state)) return;
    const remains = shown.state === 'COMPLETED' ? to : from;
    if (current[0] !== remains) findings.push(`${shown.state}, but ${current} is current`);
    if (!hasEnded(state)) ended[shown.state]++;
    course.state = shown.state;
    const ask = clientsOf(server, tokens);
    const before = upstream.seen.get(keyOf(from === remains ? to : from)) ?? 0;
    for (let call = 0; call < 10; call++) {
      if ((await ask(call)) !== 200) findings.push('refused after the cutover');
    }
    const after = upstream.seen.get(keyOf(from === remains ? to : from)) ?? 0;
    if (after !== before) findings.push(`${shown.state}, but the other version is sent`);
  }

  /** Another one where the last has ended: to the other version, which the upstream may refuse. */
  async function begin(server: ServedKeyferry): Promise<void> {
    const [from = 1] = await currentVersion(server);
    const to = from === 1 ? 2 : 1;
    const isGood = random() < 0.5;
    upstream.answer = (key) => (key === keyOf(from) || (isGood && key === keyOf(to)) ? 200 : 401);
    const begun = await server.admin<ShownCutover>('POST', CUTOVERS, {
      toVersion: to,
      ...SETTINGS,
    });
    course = { id: begun.id, from, to, state: begun.state };
  }

  let done = 0;
  while (done <= count && signal?.aborted !== true) {
    const server = await serveKeyferry({ dataDir });
    if (tokens.length === 0) {
      await prepareCutover(server, upstream.origin);
      tokens = [await server.client('production'), await server.client('production')];
    }
    await judge(server);
    const ask = clientsOf(server, tokens);
    let killed = false;
    const load = startLoad(PER_SECOND, async (call) => {
      const status = await ask(call).catch(() => 0);
      // The kill cuts connections; what was answered was good with either version.
      if (status !== 200 && status !== 0) throw new Error(`status ${status}`);
      if (status === 0 && !killed) throw new Error('no answer');
    });
    if (done === count) {
      // What was under way at the last kill comes to its end.
      const comesToItsEnd = async (): Promise<boolean> => {
        await judge(server);
        return course === undefined || course.state in ended;
      };
      await vi
        .waitUntil(comesToItsEnd, { timeout: PATIENCE_MS, interval: 500 })
        .catch(() => findings.push(`${course?.state} after the last kill, and stays so`));
      findings.push(...(await load.stop()).failures.slice(0, 5));
      break;
    }
    if (course === undefined || course.state in ended) await begin(server);
    await wait(random() * LONGEST_LIFE_MS);
    killed = true;
    if (course !== undefined) {
      const { state } = await showCutover(server, course.id);
      met.set(state, (met.get(state) ?? 0) + 1);
    }
    await server.kill();
    findings.push(...(await load.stop()).failures.slice(0, 5));
    done++;
  }
  const states = [...met].map(([state, times]) => `${times} ${state}`).join(', ');
  const note = `killed in ${states}; ${ended.COMPLETED} completed, ${ended.ROLLED_BACK} rolled back`;
  return { done: Math.min(done, count), findings, note };
}
