import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { openKeyferryStore } from '../../../src/open-store.js';
import { runAndKill } from '../../support/kill-process.js';
import { lostWrites } from '../../support/lost-writes.js';
import { newDataDir } from '../../support/open-test-store.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const LONGEST_LIFE_MS = 120;
/** Issue 2: start-up within 2 s after a kill. */
const REOPEN_MS = 2_000;
const clock = { now: () => Date.now() };

/** The store alone is killed under four writers: no write that it acknowledged is lost. */
export const campaign: Campaign = {
  name: 'store-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'SIGKILLs of a store under 4 writers',
  slice: 100,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const dataDir = newDataDir();
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const acknowledged = new Map<string, string>();
  const findings: string[] = [];
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const lifeMs = random() * LONGEST_LIFE_MS;
    const { lines, errors } = await runAndKill('writer-process.mjs', [dataDir], lifeMs);
    if (errors !== '') findings.push(`kill ${done}: the writer said ${errors}`);
    const fresh = new Map(lines.map(written));
    for (const [place, value] of fresh) acknowledged.set(place, value);
    done++;
    const startedAt = performance.now();
    const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
    const openMs = Math.round(performance.now() - startedAt);
    await store.close();
    if (openMs > REOPEN_MS) findings.push(`kill ${done}: opened after ${openMs} ms`);
    const problems = await lostWrites(dataDir, fresh);
    findings.push(...problems.map((text) => `kill ${done}: ${text}`));
  }
  findings.push(...(await lostWrites(dataDir, acknowledged)));
  if (acknowledged.size <= done) findings.push(`only ${acknowledged.size} writes`);
  return { done, findings, note: `${acknowledged.size} writes` };
}

/** Of a line `secret version value`. */
function written(line: string): [place: string, value: string] {
  const [secret, version, value = ''] = line.split(' ');
  return [`${secret} ${version}`, value];
}
