import { expect, test } from 'vitest';
import { alertOfRun, type Delivery, RUN_STATES, type RunState } from '../../src/core/index.js';
import { PLACE, type RotationRig, startRig } from '../rotation/rotation-rig.js';
import { TEST_ACTOR as actor } from '../support/open-test-store.js';

const LOG = { kind: 'log', events: null, leastUrgency: 'notice', cooldownMinutes: 0 } as const;
/** Ends, no stop twice, no word for what is missing. */
const SENTENCES = /^[A-Za-z].*[.!?]$/s;
const BAD = /\.\.|\. \.|\bnull\b|undefined|no reason is known|: [A-Z][^:]*: [A-Z]/;

async function startTold(options: Parameters<typeof startRig>[0]): Promise<RotationRig> {
  const rig = await startRig(options);
  await rig.store.createChannel({ actor, name: 'log', settings: LOG });
  return rig;
}

async function told(rig: RotationRig): Promise<Delivery['message'][]> {
  const { items } = await rig.store.listDeliveries({});
  return items.map(({ message }) => message).reverse();
}

function expectReadable(messages: readonly Delivery['message'][]): void {
  for (const { title, summary, whatToDo, secret, environment } of messages) {
    expect(summary).toMatch(SENTENCES);
    expect(whatToDo).not.toMatch(BAD);
    expect(`${title} | ${summary}`).not.toMatch(/\.\.|\. \.|\bnull\b|undefined|no reason is known/);
    expect([secret, environment]).toEqual([PLACE.secret, PLACE.environment]);
  }
}

test('a rotation that went well is told once, and says nothing twice', async () => {
  const rig = await startTold({ recovery: 'apply', routed: true });
  await rig.start();
  await rig.until();
  const messages = await told(rig);
  expect(messages.map(({ event }) => event)).toEqual(['rotation_succeeded']);
  expect(messages[0]?.summary).toBe(
    'key in production was rotated. Version 2 is in use, and version 1 is revoked.',
  );
  // A server that starts again finds it ended.
  const engine = rig.engine();
  await engine.tick();
  expect(await told(rig)).toHaveLength(1);
  expect((await rig.store.listAlerts({ open: true })).items).toEqual([]);
});

test('a run that waits for a value is an alert until the value is there', async () => {
  const rig = await startTold({ recovery: 'assisted', routed: true });
  const { id } = await rig.start();
  await rig.until(({ state }) => state === 'AWAITING_VALUE');
  const open = async () => (await rig.store.listAlerts({ open: true })).items;
  expect((await open()).map(({ kind, subject }) => [kind, subject])).toEqual([
    ['rotation_awaiting_value', id],
  ]);
  await rig.store.directRun({ actor, id, to: 'rollback' });
  await rig.until();
  expect((await open()).map(({ kind }) => kind)).not.toContain('rotation_awaiting_value');
  const messages = await told(rig);
  expect(messages[0]?.event).toBe('rotation_awaiting_value');
  expectReadable(messages);
});

test('what is said of a run is sentences, whether a cause is known or not', async () => {
  const rig = await startTold({ recovery: 'apply' });
  const run = await rig.start();
  const quiet: readonly RunState[] = ['GRACE', 'DISABLING', 'REVOKING', 'ROLLING_BACK', 'CLEANUP'];
  const spoken = new Set<RunState>();
  for (const state of RUN_STATES) {
    for (const why of [null, 'the provider answered 503', 'The provider answered 503.']) {
      for (const attempts of [0, 3]) {
        const found = alertOfRun({ ...run, state, attempts, problem: why, reason: null }, 0);
        if (why === null && quiet.includes(state)) expect(found).toBeUndefined();
        if (found === undefined) continue;
        spoken.add(state);
        expect(found.summary).toMatch(SENTENCES);
        expect(found.summary).not.toMatch(BAD);
        if (why !== null) expect(found.summary).toContain('he provider answered 503.');
        if (state !== 'DISABLING' && state !== 'GRACE') continue;
        expect(found.kind).toBe(attempts > 0 ? 'rotation_needs_attention' : 'key_used_elsewhere');
      }
    }
  }
  expect([...spoken].sort()).toEqual(
    ['AWAITING_VALUE', 'FAILED', 'NEEDS_ATTENTION', 'ROLLED_BACK', ...quiet].sort(),
  );
});
