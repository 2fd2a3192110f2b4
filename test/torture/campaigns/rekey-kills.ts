import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { AppError } from '../../../src/core/index.js';
import { acceptRows, rekey } from '../../../src/maintenance.js';
import { openKeyferryStore } from '../../../src/open-store.js';
import { filledName, filledValue, fillStore } from '../../support/fill-store.js';
import { runAndKill } from '../../support/kill-process.js';
import { lostWrites } from '../../support/lost-writes.js';
import { newDataDir } from '../../support/open-test-store.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const VALUES = 3_000;
const clock = { now: () => Date.now() };

/** A change of the root key that is killed goes on at the next try, and every value opens. */
export const campaign: Campaign = {
  name: 'rekey-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 200,
  unit: 'SIGKILLs of a rekey',
  slice: 50,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const dataDir = newDataDir();
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const open = () => openKeyferryStore({ dataDir, clock, createIfMissing: true });
  await (await open()).store.close();
  await fillStore({ dataDir, secrets: VALUES });
  await acceptRows({ dataDir, clock });
  const startedAt = performance.now();
  await runAndKill('rekey-process.mjs', [dataDir], 60_000);
  const wholeMs = performance.now() - startedAt;
  const findings: string[] = [];
  let unfinished = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const { errors } = await runAndKill('rekey-process.mjs', [dataDir], random() * wholeMs);
    if (errors !== '') findings.push(`kill ${done}: the rekey said ${errors}`);
    done++;
    try {
      await (await open()).store.close();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'rekey_unfinished') throw error;
      unfinished++;
    }
  }
  if (unfinished === 0) findings.push('no kill hit the middle of a rekey');
  if (existsSync(join(dataDir, 'master.key.next'))) await rekey({ dataDir, clock });
  const values = Array.from({ length: VALUES }, (_, index) => index);
  const written = new Map(
    values.map((index) => [`${filledName(index)} 1`, filledValue(index, 'production')]),
  );
  findings.push(...(await lostWrites(dataDir, written)));
  return { done, findings, note: `${unfinished} of ${done} hit the middle` };
}
