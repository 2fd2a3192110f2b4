import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AppError,
  DEFAULT_ROTATION_SETTINGS,
  PROVIDERS_ENVIRONMENT,
  type RotationRun,
  type RotationSettings,
  type RunLease,
  type RunState,
  SecretValue,
  SYSTEM_ACTOR,
} from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';
import { WAY_OF_A_RUN } from '../support/way-of-a-run.js';

const HOUR_MS = 3_600_000;
const place = { actor, secret: 'key', environment: 'production' };
const settings: RotationSettings = {
  ...DEFAULT_ROTATION_SETTINGS,
  provider: 'aws',
  intervalDays: 90,
  cron: null,
  config: { admin: 'aws_admin' },
};
let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
  await opened.store.createSecret({ actor, name: 'key' });
  await add('one');
});
afterEach(() => opened.cleanUp());

const text = (value: string) => SecretValue.fromText(value);
const add = (value: string, secret = 'key', environment = 'production') =>
  opened.store.addVersion({ actor, secret, environment, value: text(value) });
const enable = (nextRunAtMs: number | null = null, secret = 'key') =>
  opened.store.enableRotation({ ...place, ...settings, secret, nextRunAtMs });
const conflict = { code: 'conflict' };

async function begin(secret = 'key'): Promise<RotationRun> {
  const found =
    (await opened.store.findRotation(secret, 'production')) ?? (await enable(null, secret));
  return opened.store.startRun({ actor, rotationId: found.id, trigger: 'manual' });
}

async function claim({ id }: { id: string }, holder = 'a'): Promise<RunLease> {
  const run = await opened.store.claimRun({ id, holder, leaseMs: HOUR_MS });
  if (run === undefined) throw new Error('held');
  return { id, epoch: run.epoch };
}

const step = (lease: RunLease, ifState: RunState) => ({ actor: SYSTEM_ACTOR, lease, ifState });

/** The ordinary way, up to a state. */
async function goTo(lease: RunLease, until: RunState): Promise<RotationRun> {
  const { store } = opened;
  for (;;) {
    const run = await store.getRun(lease.id);
    if (run === undefined) throw new Error('no run');
    if (run.state === until) return run;
    const to = WAY_OF_A_RUN[WAY_OF_A_RUN.indexOf(run.state) + 1] ?? 'DONE';
    const at = step(lease, run.state);
    if (to === 'MINTING') {
      await store.reserveVersion({ ...at, stepId: 'step-1', material: text('material') });
    } else if (to === 'MINTED') {
      await store.sealMinted({ ...at, value: text('minted'), changes: { newKeyId: 'new' } });
    } else {
      if (to === 'GRACE') {
        await store.activateVersion({ ...place, version: run.toVersion ?? 0 });
      }
      await store.advanceRun({ ...at, to, note: `now ${to}`, reason: 'rotated' });
    }
  }
}

const states = async () =>
  (await opened.store.listVersions('key', 'production')).map(({ version, state }) => [
    version,
    state,
  ]);

describe('a rotation', () => {
  test('is enabled once for a secret in an environment, changed, paused, resumed and disabled', async () => {
    const { store, clock } = opened;
    const rotation = await enable(clock.now() + HOUR_MS);
    expect(rotation).toMatchObject({
      ...settings,
      secret: 'key',
      environment: 'production',
      state: 'active',
      nextRunAtMs: clock.now() + HOUR_MS,
      createdBy: 'tester',
      run: null,
    });
    await expect(enable()).rejects.toMatchObject(conflict);
    const { id } = rotation;
    const changed = await store.updateRotation({
      actor,
      id,
      changes: { intervalDays: 30, config: { admin: 'other' } },
      nextRunAtMs: 5,
    });
    expect(changed).toEqual({
      ...rotation,
      intervalDays: 30,
      config: { admin: 'other' },
      nextRunAtMs: 5,
      // Later than before, even though the clock stands still: changes are told by it.
      updatedAtMs: rotation.updatedAtMs + 1,
    });
    const late = { actor, id, changes: { soakMinutes: 1 }, nextRunAtMs: 5 };
    await expect(
      store.updateRotation({ ...late, ifUpdatedAtMs: rotation.updatedAtMs }),
    ).rejects.toMatchObject({ code: 'precondition_failed' });
    await store.setRotationState({ actor, id, state: 'paused' });
    expect(await store.getRotation(id)).toMatchObject({ state: 'paused' });
    expect(await store.nextDueAtMs()).toBeUndefined();
    await store.setRotationState({ actor, id, state: 'active' });
    expect(await store.nextDueAtMs()).toBe(5);
    await store.disableRotation({ actor, id });
    expect(await store.findRotation('key', 'production')).toBeUndefined();
    await expect(store.disableRotation({ actor, id })).rejects.toMatchObject({ code: 'not_found' });
    const { items } = await store.listAudit({ action: 'rotation.' });
    expect(items.map(({ action }) => action).toReversed()).toEqual([
      'rotation.enable',
      'rotation.update',
      'rotation.pause',
      'rotation.resume',
      'rotation.disable',
    ]);
  });

  test('needs its secret and environment', async () => {
    const missing = { ...place, ...settings, nextRunAtMs: null };
    await expect(opened.store.enableRotation({ ...missing, secret: 'kex' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(
      opened.store.enableRotation({ ...missing, environment: 'prod' }),
    ).rejects.toMatchObject({ code: 'environment_unknown' });
  });

  test('is due when its time has come, while it is active and no run is open', async () => {
    const { store, clock } = opened;
    for (const name of ['b', 'c', 'd']) await store.createSecret({ actor, name });
    const late = await enable(clock.now() - 1);
    const later = await enable(clock.now() - 2, 'b');
    const paused = await enable(clock.now() - 3, 'c');
    await store.setRotationState({ actor, id: paused.id, state: 'paused' });
    await enable(clock.now() + 1, 'd');
    const due = async () => (await store.dueRotations(clock.now(), 10)).map(({ id }) => id);
    expect(await due()).toEqual([later.id, late.id]);
    expect((await store.dueRotations(clock.now(), 1)).map(({ id }) => id)).toEqual([later.id]);
    expect(await store.nextDueAtMs()).toBe(clock.now() - 2);
    const command = { actor, rotationId: later.id, trigger: 'schedule' as const };
    await expect(store.startRun({ ...command, ifNextRunAtMs: 1 })).rejects.toMatchObject(conflict);
    const run = await store.startRun({ ...command, ifNextRunAtMs: clock.now() - 2 });
    expect(await store.getRotation(later.id)).toMatchObject({ nextRunAtMs: null, run });
    await expect(store.startRun(command)).rejects.toMatchObject(conflict);
    await expect(store.startRun({ ...command, rotationId: paused.id })).rejects.toMatchObject(
      conflict,
    );
    expect(await due()).toEqual([late.id]);
    await store.planRotation({ id: later.id, ifNextRunAtMs: null, nextRunAtMs: 7 });
    expect(await store.getRotation(later.id)).toMatchObject({ nextRunAtMs: null });
    await store.planRotation({ id: late.id, ifNextRunAtMs: 3, nextRunAtMs: 7 });
    expect(await due()).toEqual([late.id]);
    await store.planRotation({ id: late.id, ifNextRunAtMs: clock.now() - 1, nextRunAtMs: null });
    expect(await due()).toEqual([]);
  });

  test('is found by what it is like', async () => {
    const { store, clock } = opened;
    const names = ['failed', 'fine', 'open', 'overdue', 'paused'];
    for (const name of names) {
      await store.createSecret({ actor, name });
      const nextRunAtMs =
        name === 'overdue' ? clock.now() - 1 : name === 'fine' ? null : HOUR_MS ** 2;
      const { id } = await enable(nextRunAtMs, name);
      if (name === 'paused') await store.setRotationState({ actor, id, state: 'paused' });
      if (name === 'open' || name === 'failed') {
        const run = await begin(name);
        const lease = await claim(run);
        const to = name === 'failed' ? 'FAILED' : 'PREFLIGHT';
        await store.advanceRun({ ...step(lease, 'PLANNED'), to, reason: 'refused' });
      }
    }
    const found = async (filter: object) =>
      (await store.listRotations(filter)).items.map(({ secret }) => secret);
    expect(await found({})).toEqual(names);
    expect(await found({ status: 'ok' })).toEqual(['fine']);
    expect(await found({ status: 'running' })).toEqual(['open']);
    expect(await found({ status: 'failed' })).toEqual(['failed']);
    expect(await found({ status: 'overdue' })).toEqual(['overdue']);
    expect(await found({ status: 'paused' })).toEqual(['paused']);
    expect(await found({ planned: false })).toEqual(['failed', 'fine']);
    expect(await found({ secretPrefix: 'f' })).toEqual(['failed', 'fine']);
    expect(await found({ environments: ['staging'] })).toEqual([]);
    const page = await store.listRotations({ limit: 3 });
    expect(await found({ cursor: page.nextCursor })).toEqual(['overdue', 'paused']);
  });

  test('is found by when it is due, the soonest first, in pages', async () => {
    const { store, clock } = opened;
    const hours = { late: 3, soon: 1, paused: 2, past: -1, same: 1, never: null, far: 100 };
    for (const [name, hour] of Object.entries(hours)) {
      await store.createSecret({ actor, name });
      const dueMs = hour === null ? null : clock.now() + hour * HOUR_MS;
      const { id } = await enable(dueMs, name);
      if (name === 'paused') await store.setRotationState({ actor, id, state: 'paused' });
    }
    const dueBeforeMs = clock.now() + 3 * HOUR_MS + 1;
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.listRotations({ dueBeforeMs, cursor, limit: 2 });
      seen.push(...page.items.map(({ secret }) => secret));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(['past', 'soon', 'same', 'late']);
    const sooner = await store.listRotations({ dueBeforeMs: dueBeforeMs - 1 });
    expect(sooner.items.map(({ secret }) => secret)).toEqual(['past', 'soon', 'same']);
  });

  test('goes with its secret or environment, but not while a run is open', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 'fresh' });
    await store.createEnvironment({ actor, name: 'review' });
    const review = {
      ...settings,
      actor,
      secret: 'fresh',
      environment: 'review',
      nextRunAtMs: null,
    };
    const { id: rotationId } = await store.enableRotation(review);
    const { id } = await store.startRun({ actor, rotationId, trigger: 'manual' });
    const force = { reason: 'test' };
    await expect(store.deleteEnvironment({ actor, name: 'review' })).rejects.toMatchObject({
      code: 'environment_not_empty',
    });
    await expect(store.deleteSecret({ actor, name: 'fresh', force })).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('keyferry rotation rollback'),
    });
    await expect(store.disableRotation({ actor, id: rotationId })).rejects.toMatchObject(conflict);
    await store.directRun({ actor, id, to: 'rollback' });
    await store.deleteEnvironment({ actor, name: 'review' });
    expect(await store.getRotation(rotationId)).toBeUndefined();
    await store.enableRotation({ ...review, environment: 'staging' });
    await store.deleteSecret({ actor, name: 'fresh' });
    expect((await store.listRotations({})).items).toEqual([]);
    expect((await store.listRuns(rotationId, {})).items).toHaveLength(1);
    const { items } = await store.listAudit({ action: 'rotation.disable' });
    expect(items.map(({ detail }) => detail.because)).toEqual([
      'the secret was deleted',
      'the environment was deleted',
    ]);
  });
});

describe('a run', () => {
  test('goes from state to state, with its history and audit rows', async () => {
    const { store } = opened;
    const run = await begin();
    expect(run).toMatchObject({ state: 'PLANNED', epoch: 0, fromVersion: null, toVersion: null });
    const lease = await claim(run);
    await goTo(lease, 'MINTING');
    expect(await states()).toEqual([[1, 'current']]);
    const between = await add('by hand');
    expect(between).toMatchObject({ version: 3, state: 'staged' });
    const minted = await goTo(lease, 'MINTED');
    expect(minted).toMatchObject({
      fromVersion: 1,
      toVersion: 2,
      newKeyId: 'new',
      stepId: 'step-1',
    });
    expect(await states()).toEqual([
      [3, 'staged'],
      [2, 'staged'],
      [1, 'current'],
    ]);
    expect(await store.providerKeys('key', 'production')).toEqual([
      { version: 2, state: 'live', keyId: 'new' },
    ]);
    const done = await goTo(lease, 'DONE');
    expect(done).toMatchObject({ reason: 'rotated', endedAtMs: opened.clock.now() });
    expect((await store.runEvents(run.id)).map(({ state }) => state)).toEqual(WAY_OF_A_RUN);
    const { items } = await store.listAudit({ action: 'rotation.run' });
    expect(items.map(({ detail }) => detail.state).toReversed()).toEqual(WAY_OF_A_RUN);
    expect(items[0]).toMatchObject({
      actor: SYSTEM_ACTOR,
      secret: 'key',
      environment: 'production',
      detail: { run: run.id, before: 'REVOKING', note: 'now DONE', from: 1, to: 2, newKey: 'new' },
    });
    for (const late of [
      () => store.advanceRun({ ...step(lease, 'DONE'), to: 'DONE' }),
      () => claim(run),
      () => store.directRun({ actor, id: run.id, to: 'rollback' }),
    ]) {
      await expect(late()).rejects.toMatchObject(conflict);
    }
    expect((await store.listRuns(run.rotationId, {})).items).toEqual([done]);
    await begin();
    const [newest] = (await store.listRuns(run.rotationId, { limit: 1 })).items;
    expect((await store.getRotation(run.rotationId))?.run).toEqual(newest);
  });

  test('is written to by the newest lease alone', async () => {
    const { store, clock } = opened;
    const run = await begin();
    const first = await claim(run);
    expect(await store.claimableRuns(10)).toEqual([]);
    expect(await store.claimRun({ id: run.id, holder: 'b', leaseMs: 1 })).toBeUndefined();
    clock.advance(HOUR_MS);
    expect((await store.claimableRuns(10)).map(({ id }) => id)).toEqual([run.id]);
    // Nobody else came: it is still its own.
    expect(await store.renewLease({ ...first, leaseMs: HOUR_MS })).toBe(true);
    clock.advance(HOUR_MS);
    const second = await claim(run, 'b');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await store.renewLease({ ...first, leaseMs: HOUR_MS })).toBe(false);
    await store.releaseRun(first);
    const stale = { ...step(first, 'PLANNED'), to: 'PREFLIGHT' as const };
    await expect(store.advanceRun(stale)).rejects.toMatchObject(conflict);
    await expect(store.openMaterial(first)).rejects.toMatchObject(conflict);
    const wrong = { ...step(second, 'PREFLIGHT'), to: 'MINTING' as const };
    await expect(store.advanceRun(wrong)).rejects.toMatchObject(conflict);
    await store.advanceRun({ ...stale, lease: second });
    await store.releaseRun(second);
    await expect(goTo(second, 'MINTING')).rejects.toMatchObject(conflict);
    await claim(run, 'c');
    clock.advance(-24 * HOUR_MS);
    expect((await store.claimableRuns(10)).map(({ id }) => id)).toEqual([run.id]);
  });

  test('rests while its rotation is paused, and where it waits for a person', async () => {
    const { store } = opened;
    const run = await begin();
    const { rotationId: id } = run;
    await store.setRotationState({ actor, id, state: 'paused' });
    expect(await store.claimableRuns(10)).toEqual([]);
    expect(await store.claimRun({ id: run.id, holder: 'a', leaseMs: 1 })).toBeUndefined();
    await store.setRotationState({ actor, id, state: 'active' });
    const lease = await claim(run);
    await goTo(lease, 'PREFLIGHT');
    const change = { actor, id, changes: { config: {} }, nextRunAtMs: 9 };
    await expect(store.updateRotation(change)).rejects.toMatchObject(conflict);
    const same = { ...change, changes: { soakMinutes: 5, config: { admin: 'aws_admin' } } };
    expect(await store.updateRotation(same)).toMatchObject({ soakMinutes: 5, nextRunAtMs: null });
    await store.advanceRun({
      ...step(lease, 'PREFLIGHT'),
      to: 'NEEDS_ATTENTION',
      changes: { problem: 'a second key' },
    });
    await store.releaseRun(lease);
    expect(await store.claimableRuns(10)).toEqual([]);
    expect(await store.directRun({ actor, id: run.id, to: 'resume' })).toMatchObject({
      state: 'PREFLIGHT',
      resumesAs: null,
      problem: null,
    });
    expect(await store.claimableRuns(10)).toHaveLength(1);
    await expect(store.directRun({ actor, id: run.id, to: 'resume' })).rejects.toMatchObject(
      conflict,
    );
  });

  test('has an account at the provider for itself', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 'other' });
    const runs = [await begin(), await begin('other')] as const;
    const leases = [await claim(runs[0]), await claim(runs[1])] as const;
    const preflight = (lease: RunLease) =>
      store.advanceRun({
        ...step(lease, 'PLANNED'),
        to: 'PREFLIGHT',
        changes: { principal: 'arn:aws:iam::1:user/app' },
      });
    await preflight(leases[0]);
    await expect(preflight(leases[1])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(runs[0].id),
    });
    expect(await store.getRun(runs[1].id)).toMatchObject({ state: 'PLANNED', principal: null });
    await store.advanceRun({ ...step(leases[0], 'PREFLIGHT'), to: 'FAILED', reason: 'refused' });
    expect(await preflight(leases[1])).toMatchObject({ state: 'PREFLIGHT' });
  });

  test('keeps its material sealed until the value is', async () => {
    const { store } = opened;
    const lease = await claim(await begin());
    await goTo(lease, 'MINTING');
    const material = async () => (await store.openMaterial(lease))?.expose();
    expect(await material()).toEqual(text('material').expose());
    const again = { ...step(lease, 'MINTING'), stepId: 'step-2', material: text('other') };
    expect(await store.reserveVersion(again)).toMatchObject({ toVersion: 2, stepId: 'step-2' });
    expect(await material()).toEqual(text('other').expose());
    opened = await opened.reopen();
    expect((await opened.store.openMaterial(lease))?.expose()).toEqual(text('other').expose());
    await goTo(lease, 'MINTED');
    expect(await opened.store.openMaterial(lease)).toBeUndefined();
  });

  test('that ends before it has a value leaves a destroyed version', async () => {
    const { store } = opened;
    const lease = await claim(await begin());
    await goTo(lease, 'MINTING');
    await store.advanceRun({ ...step(lease, 'MINTING'), to: 'FAILED', reason: 'refused' });
    expect(await states()).toEqual([
      [2, 'destroyed'],
      [1, 'current'],
    ]);
    expect(await add('next')).toMatchObject({ version: 3 });
    expect(await store.providerKeys('key', 'production')).toEqual([]);
  });

  test('of a secret without a version leaves nothing in use until it is', async () => {
    const { store } = opened;
    await store.createSecret({ actor, name: 'fresh' });
    const lease = await claim(await begin('fresh'));
    const reference = { secret: 'fresh', environment: 'production', version: undefined };
    await store.advanceRun({ ...step(lease, 'PLANNED'), to: 'PREFLIGHT' });
    await store.reserveVersion({ ...step(lease, 'PREFLIGHT'), stepId: 's' });
    expect(await store.resolveValues([reference])).toEqual([{ status: 'missing' }]);
    const run = await store.sealMinted({ ...step(lease, 'MINTING'), value: text('new') });
    expect(run).toMatchObject({ fromVersion: null, toVersion: 1 });
    expect(await store.resolveValues([reference])).toEqual([{ status: 'missing' }]);
    await store.activateVersion({ ...place, secret: 'fresh', version: 1 });
    expect(await store.resolveValues([reference])).toMatchObject([{ status: 'found', version: 1 }]);
  });

  test('renews the credentials that the minting has used up, in the same transaction', async () => {
    const { store } = opened;
    const credential = { secret: 'refresh', environment: PROVIDERS_ENVIRONMENT };
    await store.createSecret({ actor, name: 'refresh' });
    await add('r1', 'refresh', PROVIDERS_ENVIRONMENT);
    const lease = await claim(await begin());
    await goTo(lease, 'MINTING');
    const minted = {
      ...step(lease, 'MINTING'),
      value: text('token'),
      fields: ['a'],
      expiresAtMs: 9e12,
    };
    await expect(
      store.sealMinted({ ...minted, credentials: [{ secret: 'gone', value: text('r2') }] }),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await states()).toEqual([[1, 'current']]);
    await store.sealMinted({ ...minted, credentials: [{ secret: 'refresh', value: text('r2') }] });
    const [version] = await store.listVersions('key', 'production');
    expect(version).toMatchObject({ version: 2, fields: ['a'], expiresAtMs: 9e12 });
    const [now] = await store.resolveValues([{ ...credential, version: undefined }]);
    expect(now?.status === 'found' && now.value.expose()).toEqual(text('r2').expose());
    expect(await store.listVersions('refresh', PROVIDERS_ENVIRONMENT)).toMatchObject([
      { version: 2, state: 'current' },
      { version: 1, state: 'previous' },
    ]);
  });

  test('that waits for a value takes it from a person, whoever holds it', async () => {
    const { store } = opened;
    const run = await begin();
    const given = { actor, id: run.id, value: text('pasted'), keyId: 'rk_1' };
    await expect(store.giveValue(given)).rejects.toMatchObject(conflict);
    const lease = await claim(run);
    await goTo(lease, 'PREFLIGHT');
    await store.advanceRun({ ...step(lease, 'PREFLIGHT'), to: 'AWAITING_VALUE' });
    await expect(store.giveValue({ ...given, value: text('') })).rejects.toMatchObject({
      code: 'value_invalid',
    });
    const minted = await store.giveValue(given);
    expect(minted).toMatchObject({
      state: 'MINTED',
      fromVersion: 1,
      toVersion: 2,
      newKeyId: 'rk_1',
    });
    await expect(
      store.advanceRun({ ...step(lease, 'MINTED'), to: 'PROBING' }),
    ).rejects.toMatchObject(conflict);
    expect(await store.claimableRuns(1)).toEqual([minted]);
  });

  test.each([
    ['PLANNED', 'FAILED'],
    ['PREFLIGHT', 'FAILED'],
    ['MINTING', 'CLEANUP'],
    ['MINTED', 'ROLLING_BACK'],
    ['CUTOVER', 'ROLLING_BACK'],
    ['GRACE', 'ROLLING_BACK'],
    ['SOAK', 'ROLLING_BACK'],
    ['REVOKING', undefined],
  ] as const)('in %s is taken back to %s', async (from, to) => {
    const { store } = opened;
    for (const isStopped of [false, true]) {
      const run = await begin();
      const lease = await claim(run);
      await goTo(lease, from);
      if (isStopped) await store.advanceRun({ ...step(lease, from), to: 'NEEDS_ATTENTION' });
      const back = () => store.directRun({ actor, id: run.id, to: 'rollback', reason: 'not now' });
      if (to === undefined) {
        await expect(back()).rejects.toMatchObject(conflict);
        if (isStopped) await store.directRun({ actor, id: run.id, to: 'resume' });
        const end = step(await claim(run), 'REVOKING');
        await store.advanceRun({ ...end, to: 'DONE', reason: 'r' });
      } else {
        expect(await back()).toMatchObject({ state: to });
        await expect(
          store.advanceRun({ ...step(lease, from), to: 'NEEDS_ATTENTION' }),
        ).rejects.toMatchObject(conflict);
        if (to === 'FAILED') continue;
        const { epoch } = await claim(run);
        const held = { id: run.id, epoch };
        if (to === 'ROLLING_BACK') {
          await store.activateVersion({ ...place, version: 1 });
          await store.advanceRun({ ...step(held, to), to: 'CLEANUP' });
        }
        await store.advanceRun({ ...step(held, 'CLEANUP'), to: 'ROLLED_BACK', reason: 'back' });
      }
    }
  });

  test('keeps what it waited for while it needs attention', async () => {
    const { store } = opened;
    const run = await begin();
    const lease = await claim(run);
    await goTo(lease, 'GRACE');
    await store.advanceRun({
      ...step(lease, 'GRACE'),
      to: 'GRACE',
      changes: { deadlineAtMs: 77, attempts: 2, retryAtMs: 8 },
    });
    expect(await store.runEvents(run.id)).toHaveLength(7);
    await store.advanceRun({ ...step(lease, 'GRACE'), to: 'NEEDS_ATTENTION' });
    expect(await store.directRun({ actor, id: run.id, to: 'resume' })).toMatchObject({
      state: 'GRACE',
      deadlineAtMs: 77,
      attempts: 0,
      retryAtMs: null,
    });
    const held = await claim(run);
    const next = await store.advanceRun({ ...step(held, 'GRACE'), to: 'DISABLING' });
    expect(next.deadlineAtMs).toBeNull();
  });
});

describe('while the old key is off at its provider', () => {
  test.each(['DISABLING', 'SOAK', 'REVOKING', 'NEEDS_ATTENTION'] as const)(
    'in %s its versions are moved and ended by the run alone',
    async (state) => {
      const { store } = opened;
      const lease = await claim(await begin());
      await goTo(lease, state === 'NEEDS_ATTENTION' ? 'SOAK' : state);
      if (state === 'NEEDS_ATTENTION') {
        await store.advanceRun({ ...step(lease, 'SOAK'), to: state });
      }
      await add('by hand');
      const force = { reason: 'test' };
      for (const command of [
        () => store.activateVersion({ ...place, version: 1 }),
        () => store.activateVersion({ ...place, version: 3 }),
        () => store.rollback(place),
        () => store.revokeVersion({ ...place, version: 1, force }),
        () => store.destroyVersion({ ...place, version: 2, force }),
      ]) {
        const error = await command().then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(AppError);
        expect(error).toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('keyferry rotation rollback'),
        });
      }
      expect(await store.activateVersion({ ...place, version: 2 })).toMatchObject({
        state: 'current',
      });
      await store.revokeVersion({ ...place, version: 3 });
      await store.revokeVersion({ ...place, actor: SYSTEM_ACTOR, version: 1, force });
      expect(await states()).toEqual([
        [3, 'revoked'],
        [2, 'current'],
        [1, 'revoked'],
      ]);
    },
  );
});
