import { expect, test } from 'vitest';
import type { RotationRun } from '../../src/core/index.js';
import type { ServiceFault } from '../support/key-service.js';
import { TEST_ACTOR as actor } from '../support/open-test-store.js';
import { PACE, type RotationRig, startRig } from './rotation-rig.js';

const LONG = { gracePeriodMinutes: 2880, soakMinutes: 1440 };

/** One engine for the whole run, which remembers what it waits for. */
async function goOn(
  rig: RotationRig,
  engine: ReturnType<RotationRig['engine']>,
  wanted: (run: RotationRun) => boolean,
  stepMs = 600,
): Promise<RotationRun> {
  for (let tick = 0; tick < 500; tick++) {
    await engine.tick();
    await rig.tickCutovers();
    const run = await rig.run();
    if (wanted(run)) return run;
    rig.opened.clock.advance(stepMs);
  }
  throw new Error(`the run is ${JSON.stringify(await rig.run())}`);
}

const inState =
  (state: string, hasProblem = false) =>
  (run: RotationRun): boolean =>
    run.state === state && (!hasProblem || run.problem !== null);

test.each<{
  state: RotationRun['state'];
  settings?: Parameters<typeof startRig>[0]['settings'];
  fault?: [call: string, fault: ServiceFault];
  stepMs?: number;
}>([
  { state: 'PREFLIGHT', fault: ['plan', 'unavailable'] },
  { state: 'MINTING', fault: ['mint', 'throttled'] },
  { state: 'PROBING', fault: ['verify', 'refused'] },
  { state: 'CUTOVER', settings: { ...LONG, cutover: { steps: [10, 100] } } },
  { state: 'GRACE', settings: LONG },
  { state: 'SOAK', settings: { gracePeriodMinutes: 0, soakMinutes: 1440 } },
  { state: 'REVOKING', settings: { gracePeriodMinutes: 0 }, fault: ['revoke', 'refused'] },
])(
  'a run that is in $state goes on as an emergency, from where it is',
  async ({ state, settings = LONG, fault }) => {
    const rig = await startRig({ recovery: 'list', routed: true, settings });
    const { service, store, opened } = rig;
    service.fault = (name) => (name === fault?.[0] ? fault[1] : undefined);
    const { id } = await rig.start();
    const engine = rig.engine();
    const before = await goOn(rig, engine, inState(state, fault !== undefined));
    expect(before.trigger).toBe('manual');
    service.fault = () => undefined;
    const saidAtMs = opened.clock.now();
    const said = await store.directRun({ actor, id, to: 'emergency', reason: 'it was in a log' });
    expect(said).toMatchObject({ state, trigger: 'emergency' });
    const run = await goOn(rig, engine, ({ endedAtMs }) => endedAtMs !== null);
    expect(run).toMatchObject({ id, state: 'DONE', fromVersion: 1, toVersion: 2 });
    expect(opened.clock.now() - saidAtMs).toBeLessThan(PACE.emergencyWaitMs + 15_000);
    expect(service.keys.get('k0')?.state).toBe('gone');
    expect(service.live()).toHaveLength(1);
    expect(service.violations).toEqual([]);
    expect(rig.errors).toEqual([]);
    expect(await rig.currentVersions()).toEqual([2]);
    expect((await store.runEvents(id)).map(({ note }) => note)).toContain(
      'Goes on as an emergency: it was in a log',
    );
  },
);

test('an emergency goes on with what waits for a person, and does not turn what is taken back', async () => {
  const rig = await startRig({ recovery: 'consume', routed: true, settings: LONG });
  rig.service.fault = (name) => (name === 'mint' ? 'spent' : undefined);
  const { id } = await rig.start();
  await rig.until(inState('NEEDS_ATTENTION'));
  rig.service.fault = () => undefined;
  const said = await rig.store.directRun({ actor, id, to: 'emergency' });
  expect(said).toMatchObject({ state: 'MINTING', trigger: 'emergency' });
  expect(await rig.until()).toMatchObject({ state: 'DONE' });

  const other = await startRig({ recovery: 'list', routed: true, settings: LONG });
  const { id: begun } = await other.start();
  await other.until(inState('GRACE'));
  await other.store.directRun({ actor, id: begun, to: 'rollback' });
  const turned = other.store.directRun({ actor, id: begun, to: 'emergency' });
  await expect(turned).rejects.toMatchObject({ code: 'conflict' });
  expect(await other.until()).toMatchObject({ state: 'ROLLED_BACK', trigger: 'manual' });
});

test('an emergency does not go past a cutover that somebody paused, nor a rotation that is', async () => {
  const settings = { ...LONG, cutover: { steps: [10, 100] } };
  const rig = await startRig({ recovery: 'list', routed: true, settings });
  const { id } = await rig.start();
  const { cutoverId } = await rig.until((run) => run.cutoverId !== null);
  await rig.store.pauseCutover({ actor, id: cutoverId ?? '' });
  await rig.store.directRun({ actor, id, to: 'emergency' });
  const engine = rig.engine();
  await goOn(rig, engine, inState('CUTOVER', true));
  for (let tick = 0; tick < 20; tick++) {
    rig.opened.clock.advance(PACE.emergencyWaitMs);
    await engine.tick();
  }
  expect(await rig.run()).toMatchObject({
    state: 'CUTOVER',
    problem: expect.stringContaining('does not go on (paused)'),
  });
  await rig.store.resumeCutover({ actor, id: cutoverId ?? '' });
  expect(await goOn(rig, engine, ({ endedAtMs }) => endedAtMs !== null)).toMatchObject({
    state: 'DONE',
  });

  const paused = await startRig({ recovery: 'list', routed: true, settings: LONG });
  const { id: resting } = await paused.start();
  await paused.until(inState('GRACE'));
  const { id: rotationId } = await paused.rotation();
  await paused.store.setRotationState({ actor, id: rotationId, state: 'paused' });
  const refused = paused.store.directRun({ actor, id: resting, to: 'emergency' });
  await expect(refused).rejects.toThrow('is paused. Resume it first.');
});

test.each([
  ['disable', 'SOAK'],
  ['last_use', 'DISABLING'],
])(
  'an emergency that is said while the provider answers %s waits for nothing that was decided before',
  async (call) => {
    const settings = { gracePeriodMinutes: 0, soakMinutes: 1440 };
    const rig = await startRig({ recovery: 'list', routed: true, settings });
    const { service, store, opened } = rig;
    const { id } = await rig.start();
    const engine = rig.engine();
    let saidAtMs = 0;
    let said: Promise<RotationRun> | undefined;
    service.fault = (name) => {
      if (name === 'last_use') service.lastUsedAtMs = opened.clock.now() + 600_000;
      if (name !== call || said !== undefined) return undefined;
      saidAtMs = opened.clock.now();
      said = store.directRun({ actor, id, to: 'emergency' });
      return undefined;
    };
    if (call !== 'last_use') {
      const fault = service.fault;
      service.fault = (name) => (name === 'last_use' ? undefined : fault(name));
    }
    const run = await goOn(rig, engine, ({ endedAtMs }) => endedAtMs !== null);
    expect(await said).toMatchObject({ trigger: 'emergency' });
    expect(run).toMatchObject({ state: 'DONE', fromVersion: 1, toVersion: 2 });
    expect(opened.clock.now() - saidAtMs).toBeLessThan(PACE.emergencyWaitMs + 15_000);
    expect(service.violations).toEqual([]);
  },
);

test('an emergency says that it does not end a window that somebody paused', async () => {
  const rig = await startRig({ recovery: 'list', routed: true, settings: LONG });
  const { id } = await rig.start();
  const { cutoverId } = await rig.until(inState('GRACE'));
  await rig.store.pauseCutover({ actor, id: cutoverId ?? '' });
  await rig.store.directRun({ actor, id, to: 'emergency' });
  const engine = rig.engine();
  await goOn(rig, engine, inState('GRACE', true));
  expect((await rig.run()).problem).toContain('does not go on (paused)');
  const open = { open: true, acknowledged: false } as const;
  expect((await rig.store.listAlerts(open)).items).toMatchObject([
    { kind: 'rotation_needs_attention', urgency: 'urgent' },
  ]);
  await rig.store.resumeCutover({ actor, id: cutoverId ?? '' });
  expect(await goOn(rig, engine, ({ endedAtMs }) => endedAtMs !== null)).toMatchObject({
    state: 'DONE',
  });
  expect((await rig.store.listAlerts(open)).items).toEqual([]);
});

test.each([
  ['manual', 'resume'],
  ['emergency', 'rollback'],
] as const)(
  'a run (%s) whose new version was revoked leaves the old key as it is, until somebody says %s',
  async (trigger, word) => {
    const rig = await startRig({ recovery: 'list', settings: { gracePeriodMinutes: 1 } });
    const { service, store } = rig;
    const { id } = await rig.start();
    const engine = rig.engine();
    await goOn(rig, engine, inState('GRACE'));
    const target = { actor, secret: 'key', environment: 'production' };
    await store.revokeVersion({ ...target, version: 2, force: { reason: 'it leaked' } });
    if (trigger === 'emergency') await store.directRun({ actor, id, to: 'emergency' });
    const waiting = await goOn(rig, engine, inState('NEEDS_ATTENTION', true));
    expect(waiting).toMatchObject({ trigger, resumesAs: 'GRACE' });
    expect(service.keys.get('k0')?.state).toBe('live');
    if (word === 'resume') await store.activateVersion({ ...target, version: 1 });
    await store.directRun({ actor, id, to: word });
    const run = await goOn(rig, engine, ({ endedAtMs }) => endedAtMs !== null);
    expect(run).toMatchObject({ state: 'ROLLED_BACK' });
    expect(service.live().map((key) => key.id)).toEqual(['k0']);
    expect(await rig.currentVersions()).toEqual([1]);
  },
);
