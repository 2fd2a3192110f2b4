import { ALL_STAND_INS } from '../../support/all-stand-ins.js';
import { seededRandom } from '../../support/seeded-random.js';
import { killServers } from '../../support/server-rotation-kills.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/**
 * The whole server is killed in each state of a run, up to `DONE`: as in `rotation-kills`, and a run that is done is told
 * of, once. The seed says which provider is the first.
 */
export const campaign: Campaign = {
  name: 'server-rotation-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: ALL_STAND_INS.length,
  unit: 'rotations, the whole server killed in each of their states',
  slice: 1,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  const notes: string[] = [];
  let done = 0;
  for (; done < count && signal?.aborted !== true; done++) {
    const entry = ALL_STAND_INS[(seed + done) % ALL_STAND_INS.length];
    if (entry === undefined) break;
    const report = await killServers(entry, random);
    findings.push(...(report?.findings ?? []));
    notes.push(`${entry.name}: ${report?.met.join(' ') ?? 'not on this machine'}`);
  }
  return { done, findings, note: notes.join(' | ') };
}
