/** The process of one slice: a file of tests with one test, which runs what `TORTURE_SLICE` says. */
import { writeFileSync } from 'node:fs';
import { test } from 'vitest';
import type { Campaign, SliceOutcome } from './campaign.js';
import type { SliceOrder } from './run-slice.js';

test('slice', async () => {
  const order = JSON.parse(process.env.TORTURE_SLICE ?? '') as SliceOrder;
  const { file, seed, count, endAtMs, resultFile } = order;
  const { campaign } = (await import(/* @vite-ignore */ file)) as { campaign: Campaign };
  const signal =
    endAtMs === undefined ? undefined : AbortSignal.timeout(Math.max(0, endAtMs - Date.now()));
  const outcome = await campaign.run({ seed, count, signal }).catch(
    (error: unknown): SliceOutcome => ({
      done: 0,
      findings: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    }),
  );
  writeFileSync(resultFile, JSON.stringify(outcome));
});
