import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import type { RotationRun, RunState, Store } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { prepareRotation } from '../support/prepare-rotation.js';
import { serveKeyferry, temporaryDataDir } from '../support/serve-process.js';
import { startAwsStandIn } from '../support/stand-ins/aws.js';

const STEPS: readonly RunState[] = [
  'PREFLIGHT',
  'MINTING',
  'MINTED',
  'PROBING',
  'CUTOVER',
  'GRACE',
  'DISABLING',
  'SOAK',
  'REVOKING',
];
/** Longer than a lease. */
const LATER_MS = 120_000;

test('the whole server is killed once in each state of a run, which comes to its end all the same', async () => {
  const standIn = await startAwsStandIn();
  onTestFinished(() => standIn.close());
  const dataDir = temporaryDataDir();
  const withStore = async <T>(work: (store: Store) => Promise<T>, laterMs = 0): Promise<T> => {
    const clock = { now: () => Date.now() + laterMs };
    const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
    return work(store).finally(() => store.close());
  };
  await withStore(async (store) => {
    await prepareRotation(store, standIn, 'key', {
      nextRunAtMs: Date.now(),
      cutover: { steps: [100] },
    });
    const references = [
      { route: 'api', secret: 'key', environment: 'production', version: undefined },
    ];
    const actor = { type: 'system', id: 'test', name: 'test' } as const;
    await store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
  });

  /** What must be so after a kill. Nobody waits for the lease of the dead to end. */
  const look = (): Promise<RotationRun | null> =>
    withStore(async (store) => {
      const versions = await store.listVersions('key', 'production');
      expect(versions.filter(({ state }) => state === 'current')).toHaveLength(1);
      const run = (await store.findRotation('key', 'production'))?.run ?? null;
      const old = (await standIn.keys()).find(({ id }) => id === run?.oldKeyId);
      const mayBeOff = ['DISABLING', 'SOAK', 'REVOKING', 'DONE'].includes(run?.state ?? '');
      if (!mayBeOff) expect(old?.state ?? 'live').toBe('live');
      if (run === null || run.endedAtMs !== null) return run;
      const claimed = await store.claimRun({ id: run.id, holder: 'test', leaseMs: 1000 });
      if (claimed !== undefined) await store.releaseRun(claimed);
      return run;
    }, LATER_MS);

  const killedIn = new Set<RunState>();
  let found: RotationRun | null = null;
  for (const step of STEPS) {
    if (STEPS.indexOf(found?.state ?? 'PREFLIGHT') > STEPS.indexOf(step)) continue;
    const server = await serveKeyferry({ dataDir });
    await untilState(dataDir, (state) => STEPS.indexOf(state) >= STEPS.indexOf(step));
    await server.kill();
    found = await look();
    if (found === null || found.endedAtMs !== null) break;
    killedIn.add(found.state);
  }
  // Some pass within a millisecond.
  expect(killedIn.size).toBeGreaterThan(4);
  const server = await serveKeyferry({ dataDir });
  await untilState(dataDir, (state) => state === 'DONE');
  await server.stop();
  expect(await look()).toMatchObject({ state: 'DONE', fromVersion: 1, toVersion: 2 });
  const live = (await standIn.keys()).filter(({ state }) => state === 'live');
  expect(live.map(({ madeBy }) => madeBy)).toEqual(['keyferry']);
}, 240_000);

/** Looks into the database beside the server: its log is written a moment later. */
async function untilState(dataDir: string, isSo: (state: RunState) => boolean): Promise<void> {
  const database = new Database(join(dataDir, 'keyferry.db'), { readonly: true });
  try {
    const newest = database
      .prepare<[], RunState>('SELECT state FROM rotation_runs ORDER BY position DESC LIMIT 1')
      .pluck();
    const endsAtMs = Date.now() + 90_000;
    for (;;) {
      const state = newest.get();
      if (state !== undefined && isSo(state)) return;
      if (Date.now() > endsAtMs) throw new Error(`the run stays ${state}`);
      await wait(1);
    }
  } finally {
    database.close();
  }
}
