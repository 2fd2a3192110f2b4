import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { Store } from '../../src/core/index.js';
import { inspectDatabase } from '../../src/maintenance/inspect-database.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { runAndKill } from '../support/kill-process.js';
import { newDataDir } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';
import type { Slice, SliceOutcome } from './campaign.js';

const clock = { now: () => Date.now() };

export interface StoreKills {
  /** In `test/support/`: gives commands to a store, and prints each that was acknowledged. */
  readonly script: string;
  readonly longestLifeMs: number;
  /** Plural, of what it prints. */
  readonly unit: string;
  /** What is wrong in the store after a kill. */
  readonly look: (store: Store, acknowledged: readonly string[]) => Promise<string[]>;
}

/** Kills a process that gives commands to a store, again and again on one folder, and looks at the store after each. */
export async function killStore(
  { seed, count, signal }: Slice,
  { script, longestLifeMs, unit, look }: StoreKills,
): Promise<SliceOutcome> {
  const dataDir = newDataDir();
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const findings: string[] = [];
  let acknowledged = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const lifeMs = random() * longestLifeMs;
    const { lines, errors } = await runAndKill(script, [dataDir, String(seed + done)], lifeMs);
    if (errors !== '') findings.push(`kill ${done}: the mover said ${errors}`);
    acknowledged += lines.length;
    const problems = await lookInto(dataDir, (store) => look(store, lines));
    findings.push(...problems.map((text) => `kill ${done}: ${text}`));
    done++;
  }
  if (acknowledged <= done) findings.push(`only ${acknowledged} ${unit}`);
  return { done, findings, note: `${acknowledged} ${unit}` };
}

async function lookInto(
  dataDir: string,
  look: (store: Store) => Promise<string[]>,
): Promise<string[]> {
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const problems = await look(store);
  const audit = await store.verifyAudit();
  if (!audit.ok) problems.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  await store.close();
  const { database } = await inspectDatabase({ dataDir, clock });
  const rows = await database.verifyRows();
  if (rows.altered.length + rows.missing > 0) problems.push(`rows: ${JSON.stringify(rows)}`);
  await database.close();
  return problems;
}
