import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { acceptRows } from '../../../src/maintenance.js';
import { openKeyferryStore } from '../../../src/open-store.js';
import { filledName, fillStore } from '../../support/fill-store.js';
import { newDataDir } from '../../support/open-test-store.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const OPEN_MS = 1_000;
const clock = { now: () => Date.now() };

/** A store of 100,000 secrets opens within a second, and lists them in pages. */
export const campaign: Campaign = {
  name: 'large-store',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100_000,
  unit: 'secrets stored, opened within 1 s',
  slice: 100_000,
  run,
};

async function run({ count }: Slice): Promise<SliceOutcome> {
  const dataDir = newDataDir();
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  await (await openKeyferryStore({ dataDir, clock, createIfMissing: true })).store.close();
  await fillStore({ dataDir, secrets: count });
  await acceptRows({ dataDir, clock });
  const startedAt = performance.now();
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const openMs = Math.round(performance.now() - startedAt);
  const findings = openMs > OPEN_MS ? [`opened after ${openMs} ms`] : [];
  let cursor: string | undefined;
  let seen = 0;
  do {
    const page = await store.listSecrets({ limit: 1_000, cursor });
    for (const { name } of page.items) {
      if (name !== filledName(seen)) findings.push(`${name} is listed in place ${seen}`);
      seen++;
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  await store.close();
  return { done: seen, findings, note: `opened after ${openMs} ms` };
}
