// Begins what is due and claims what is open, on a database that another uses at the same time, until nothing is left.
import { existsSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { openKeyferryStore } from '../../dist/open-store.js';

const [dataDir, holder, other] = process.argv.slice(2);
const actor = { type: 'system', id: holder, name: holder };
const clock = { now: () => Date.now() };
const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: false, shared: true });
writeSync(1, 'ready\n');
// Neither begins before both can.
writeFileSync(`${dataDir}-${holder}`, '');
while (!existsSync(`${dataDir}-${other}`)) await wait(2);

/** Undefined where the other one was first. */
async function unlessOvertaken(work) {
  try {
    return await work;
  } catch (error) {
    if (error.code === 'conflict') return undefined;
    throw error;
  }
}

async function beginDue() {
  const due = await store.dueRotations(clock.now(), 20);
  for (const { id: rotationId, nextRunAtMs: ifNextRunAtMs } of due) {
    const command = { actor, rotationId, trigger: 'schedule', ifNextRunAtMs };
    await unlessOvertaken(store.startRun(command));
  }
  return due.length > 0;
}

async function runOpen() {
  const open = await store.claimableRuns(20);
  for (const { id } of open) {
    const run = await unlessOvertaken(store.claimRun({ id, holder, leaseMs: 60_000 }));
    if (run === undefined) continue;
    const lease = { id, epoch: run.epoch };
    await store.advanceRun({ actor, lease, ifState: 'PLANNED', to: 'FAILED', reason: holder });
    writeSync(1, `${id}\n`);
  }
  return open.length > 0;
}

for (;;) {
  const [began, ran] = [await beginDue(), await runOpen()];
  if (!began && !ran) break;
}
await store.close();
