import { ALL_STAND_INS } from '../../support/all-stand-ins.js';
import { killRotations } from '../../support/rotation-kills.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** So many in a row on one stand-in: whole runs, met in each of their states. */
const IN_A_ROW = 10;

/**
 * The engine, a process of its own, is killed at random moments of runs of every provider: one current version, no old
 * key off before the new one is verified, no key alive that Keyferry does not know, none of others touched.
 */
export const campaign: Campaign = {
  name: 'rotation-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100 * ALL_STAND_INS.length,
  unit: 'SIGKILLs during rotations, over all providers',
  slice: IN_A_ROW * ALL_STAND_INS.length,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  const notes: string[] = [];
  let done = 0;
  for (const [at, entry] of ALL_STAND_INS.entries()) {
    const left = ALL_STAND_INS.length - at;
    const share = Math.ceil((count - done) / left);
    if (signal?.aborted === true) break;
    const report = await killRotations(entry, share, random, signal);
    done += report?.kills ?? share;
    findings.push(...(report?.findings ?? []));
    const ends = [...(report?.ends ?? [])].map(([state, times]) => `${times} ${state}`).join(' ');
    const met = [...(report?.met ?? [])].map(([state, times]) => `${state} ${times}`).join(' ');
    notes.push(
      `${entry.name}: ${report === undefined ? 'not on this machine' : `${ends}; ${met}`}`,
    );
  }
  return { done, findings, note: notes.join(' | ') };
}
