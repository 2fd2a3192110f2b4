import { canMount } from '../../support/mounts.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';
import { OUTAGES, type Outage, outlive } from '../outlive.js';

/** A store that is away again and again: administrative writes are refused, and every request is served. */
export const campaign: Campaign = {
  name: 'outages',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100,
  unit: 'outages of the store, under load',
  slice: 12,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const names = (Object.keys(OUTAGES) as (keyof typeof OUTAGES)[]).filter(
    (name) => name !== 'a full disk' || canMount,
  );
  const started = new Map<string, Outage>();
  const findings: string[] = [];
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const name = names[Math.floor(random() * names.length)] as keyof typeof OUTAGES;
    const outage = started.get(name) ?? (await OUTAGES[name]());
    started.set(name, outage);
    done++;
    try {
      await outlive(outage);
    } catch (error) {
      findings.push(`${name}: ${String(error)}`);
      break;
    }
  }
  for (const [name, { server }] of started) {
    const { exitCode } = await server.stop();
    if (exitCode !== 0) findings.push(`${name}: the server ended with ${exitCode}`);
  }
  return { done, findings, note: [...started.keys()].join(', ') };
}
