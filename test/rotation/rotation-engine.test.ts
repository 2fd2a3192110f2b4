import { describe, expect, test } from 'vitest';
import { alertOfRun, SecretValue } from '../../src/core/index.js';
import type { Recovery } from '../../src/rotation/index.js';
import { TEST_ACTOR as actor } from '../support/open-test-store.js';
import { PLACE, type RotationRig, startRig } from './rotation-rig.js';

const RECOVERIES: readonly Recovery[] = ['apply', 'replay', 'list', 'consume', 'assisted'];
const DAY_MS = 86_400_000;

/** What must be so at every end. */
async function expectSound(rig: RotationRig): Promise<void> {
  const { service, store, errors } = rig;
  expect(errors).toEqual([]);
  expect(service.violations).toEqual([]);
  expect(await rig.currentVersions()).toHaveLength(1);
  const known = await store.providerKeys(PLACE.secret, PLACE.environment);
  const unknown = service
    .live()
    .filter(({ id, madeBy }) => madeBy === 'keyferry' && !known.some(({ keyId }) => keyId === id));
  expect(unknown).toEqual([]);
}

async function give(rig: RotationRig): Promise<void> {
  await rig.until(({ state }) => state === 'AWAITING_VALUE');
  const key = rig.service.make('pasted', true);
  const value = SecretValue.fromText(key.value);
  await rig.store.giveValue({ actor, id: (await rig.run()).id, value, keyId: key.id });
}

describe('a run', () => {
  test.each(RECOVERIES)('goes from the old key to a new one: %s', async (recovery) => {
    const rig = await startRig({ recovery, routed: true });
    const { id } = await rig.start();
    if (recovery === 'assisted') await give(rig);
    const run = await rig.until();
    expect(run).toMatchObject({ id, state: 'DONE', fromVersion: 1, toVersion: 2, problem: null });
    expect(rig.service.keys.get('k0')?.state).toBe('gone');
    expect(await rig.currentVersions()).toEqual([2]);
    const expected = [
      'PREFLIGHT',
      'MINTING',
      'MINTED',
      'PROBING',
      'CUTOVER',
      'GRACE',
      'DISABLING',
      'SOAK',
      'REVOKING',
      'DONE',
    ];
    const own =
      recovery === 'assisted' ? ['PREFLIGHT', 'AWAITING_VALUE', ...expected.slice(3)] : expected;
    expect(rig.states).toEqual(own);
    const [newest, oldest] = await rig.store.listVersions('key', 'production');
    expect([newest?.state, oldest?.state]).toEqual(['current', 'revoked']);
    expect(await rig.store.getCutover(run.cutoverId ?? '')).toMatchObject({ state: 'COMPLETED' });
    // The next one, an interval after the beginning of this one.
    const { nextRunAtMs } = await rig.rotation();
    expect(nextRunAtMs).toBe(run.startedAtMs + 30 * DAY_MS);
    await expectSound(rig);
  });

  test.each([
    ['a week', 7, 3.5],
    ['a month', 30, 20],
    ['a year', 365, 30],
    ['half an hour', 1 / 48, 1],
  ])('whose key lives %s is followed in time by the next one', async (_, lifeDays, nextDays) => {
    const rig = await startRig({ recovery: 'list' });
    rig.service.lifeMs = lifeDays * DAY_MS;
    await rig.start();
    const { state, startedAtMs } = await rig.until();
    const { nextRunAtMs } = await rig.rotation();
    const afterMs = (nextRunAtMs ?? 0) - startedAtMs;
    expect([state, Math.round((afterMs / DAY_MS) * 10) / 10]).toEqual(['DONE', nextDays]);
  });

  test('that fails while its key is about to end is not begun again the same day', async () => {
    const rig = await startRig({ recovery: 'list' });
    rig.service.lifeMs = 12 * DAY_MS;
    await rig.start();
    await rig.until();
    rig.opened.clock.advance(11 * DAY_MS);
    rig.service.fault = (call) => (call === 'make' ? 'broken_key' : undefined);
    const failed = await rig.until(({ state }) => state === 'ROLLED_BACK', 60_000);
    const { nextRunAtMs } = await rig.rotation();
    expect((nextRunAtMs ?? 0) - (failed.endedAtMs ?? 0)).toBeGreaterThanOrEqual(DAY_MS);
  });

  test('of a secret that no route names begins no cutover', async () => {
    const rig = await startRig({ recovery: 'list' });
    await rig.start();
    expect(await rig.until()).toMatchObject({ state: 'DONE', cutoverId: null });
    await expectSound(rig);
  });

  test('of a secret without a value makes its first one', async () => {
    const rig = await startRig({ recovery: 'replay', empty: true });
    await rig.start();
    expect(await rig.until()).toMatchObject({ state: 'DONE', fromVersion: null, toVersion: 1 });
    expect(await rig.currentVersions()).toEqual([1]);
    expect(rig.service.keys.get('k0')?.state).toBe('live');
  });

  test.each([
    [{ disable: false, revoke: true }, 'gone'],
    [{ disable: true, revoke: false }, 'disabled'],
    [{ disable: false, revoke: false }, 'live'],
  ] as const)('does to the old key what its provider can: %j', async (actions, state) => {
    const rig = await startRig({ recovery: 'replay', actions, routed: true });
    await rig.start();
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    expect(rig.service.keys.get('k0')?.state).toBe(state);
    expect((await rig.store.listVersions('key', 'production')).at(-1)?.state).toBe('revoked');
    await expectSound(rig);
  });

  test('that is an emergency waits for nobody', async () => {
    const rig = await startRig({
      recovery: 'list',
      routed: true,
      settings: { gracePeriodMinutes: 2880, soakMinutes: 1440 },
    });
    rig.service.lastUsedAtMs = rig.opened.clock.now();
    const begunAtMs = rig.opened.clock.now();
    await rig.start('emergency');
    const run = await rig.until();
    expect(run.state).toBe('DONE');
    expect(rig.opened.clock.now() - begunAtMs).toBeLessThan(20_000);
    expect(rig.service.keys.get('k0')?.state).toBe('gone');
    await expectSound(rig);
  });
});

describe('a minting', () => {
  /** A fault that happens so many times. */
  const times = (
    rig: RotationRig,
    call: string,
    fault: 'lost' | 'unavailable' | 'throttled' | 'refused' | 'hang' | 'spent',
    count: number,
  ) => {
    let left = count;
    rig.service.fault = (name) => (name === call && left-- > 0 ? fault : undefined);
  };

  test.each(['apply', 'replay', 'list'] as const)(
    'whose answer is lost leaves one key: %s',
    async (recovery) => {
      for (const fault of ['lost', 'hang'] as const) {
        const rig = await startRig({ recovery, routed: true });
        times(rig, 'mint', fault, 2);
        await rig.start();
        expect(await rig.until()).toMatchObject({ state: 'DONE' });
        expect(rig.service.live()).toHaveLength(1);
        await expectSound(rig);
      }
    },
  );

  test('whose answer is lost for good leaves nothing behind', async () => {
    for (const recovery of ['apply', 'replay', 'list'] as const) {
      const rig = await startRig({ recovery, routed: true });
      let lost = 0;
      // The service answers again when the run has given up.
      rig.service.fault = (name) => (name === 'mint' && lost++ < 4 ? 'lost' : undefined);
      await rig.start();
      expect(await rig.until()).toMatchObject({ state: 'FAILED' });
      expect(rig.service.live().map(({ id }) => id)).toEqual(['k0']);
      await expectSound(rig);
    }
  });

  test('that consumes and whose answer is lost asks a person, and goes on by their word', async () => {
    const rig = await startRig({ recovery: 'consume', routed: true });
    times(rig, 'mint', 'lost', 1);
    await rig.start();
    const run = await rig.until(({ state }) => state === 'NEEDS_ATTENTION');
    expect(run.problem).toContain('_providers');
    // Somebody signs in anew.
    const value = SecretValue.fromText(rig.service.refreshToken);
    const place = { secret: 'service_token', environment: '_providers' };
    const { version } = await rig.store.addVersion({ actor, ...place, value });
    await rig.store.activateVersion({ actor, ...place, version });
    // And revokes what was made and lost.
    for (const key of rig.service.live()) if (key.madeBy === 'keyferry') key.state = 'gone';
    await rig.store.directRun({ actor, id: run.id, to: 'resume' });
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    await expectSound(rig);
  });

  test('that finds its refresh token used asks a person', async () => {
    const rig = await startRig({ recovery: 'consume', routed: true });
    rig.service.refreshToken = 'of somebody else';
    await rig.start();
    const run = await rig.until(({ state }) => state === 'NEEDS_ATTENTION');
    expect(run).toMatchObject({
      resumesAs: 'MINTING',
      problem: expect.stringContaining('used before'),
    });
    expect(rig.service.calls.filter((call) => call === 'mint')).toHaveLength(2);
    expect(rig.service.live()).toHaveLength(1);
  });

  test.each(['throttled', 'unavailable', 'refused'] as const)(
    'that is %s is tried three times more',
    async (fault) => {
      const rig = await startRig({ recovery: 'list', routed: true });
      times(rig, 'mint', fault, 3);
      await rig.start();
      expect(await rig.until()).toMatchObject({ state: 'DONE' });
      times(rig, 'mint', fault, 4);
      await rig.start();
      const run = await rig.until();
      expect(run).toMatchObject({ state: 'FAILED', reason: expect.stringContaining(fault) });
      expect(rig.service.calls.filter((call) => call === 'mint')).toHaveLength(8);
      await expectSound(rig);
    },
  );

  test('stops at a second key that Keyferry does not know, and touches it not', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    rig.service.add({ id: 'theirs', value: 'their-value', madeBy: 'other' });
    await rig.start();
    const run = await rig.until();
    expect(run).toMatchObject({ state: 'FAILED', reason: expect.stringContaining('second key') });
    expect(rig.service.live().map(({ id }) => id)).toEqual(['k0', 'theirs']);
    await expectSound(rig);
  });

  test('that finds two new keys after a lost answer touches none', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    let isLost = false;
    rig.service.fault = (name) => {
      if (name === 'list' && !isLost) {
        isLost = true;
        rig.service.add({ id: 'theirs', value: 'their-value', madeBy: 'other' });
      }
      return name === 'mint' && !isLost ? 'lost' : undefined;
    };
    await rig.start();
    const run = await rig.until(({ state }) => state === 'NEEDS_ATTENTION');
    expect(run.problem).toContain('none was touched');
    expect(rig.service.live()).toHaveLength(3);
    // A person deletes what the run made, and keeps the other one: it is not taken for the run's own then.
    for (const key of rig.service.live()) if (key.madeBy === 'keyferry') key.state = 'gone';
    await rig.store.directRun({ actor, id: run.id, to: 'resume' });
    expect(await rig.until()).toMatchObject({ state: 'FAILED' });
    expect(rig.service.keys.get('theirs')?.state).toBe('live');
    await expectSound(rig);
  });
});

describe('a new key', () => {
  test('that does not work is taken back, and the old one stays', async () => {
    for (const recovery of ['apply', 'replay', 'list', 'assisted'] as const) {
      const rig = await startRig({ recovery, routed: true });
      rig.service.fault = (name) => (name === 'make' ? 'broken_key' : undefined);
      await rig.start();
      if (recovery === 'assisted') {
        await rig.until(({ state }) => state === 'AWAITING_VALUE');
        const value = SecretValue.fromText('misspelt');
        await rig.store.giveValue({ actor, id: (await rig.run()).id, value });
      }
      const run = await rig.until();
      expect(run).toMatchObject({
        state: 'ROLLED_BACK',
        reason: expect.stringContaining('refused'),
      });
      expect(rig.service.live().map(({ id }) => id)).toEqual(['k0']);
      expect(await rig.currentVersions()).toEqual([1]);
      expect((await rig.store.listVersions('key', 'production'))[0]?.state).toBe('revoked');
      await expectSound(rig);
    }
  });

  test('that is known everywhere only after a while is waited for', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    let asked = 0;
    rig.service.fault = (name) => (name === 'verify' && asked++ < 4 ? 'refused' : undefined);
    await rig.start();
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    expect(rig.service.calls.filter((call) => call === 'verify')).toHaveLength(7);
  });
});

describe('a person', () => {
  test.each(['CUTOVER', 'GRACE', 'DISABLING', 'SOAK'] as const)(
    'takes a run back in %s',
    async (state) => {
      const rig = await startRig({ recovery: 'list', routed: true });
      if (state === 'DISABLING') {
        let asked = 0;
        rig.service.fault = (name) =>
          name === 'disable' && asked++ < 2 ? 'unavailable' : undefined;
      }
      await rig.start();
      const { id } = await rig.until((run) => run.state === state, 200);
      await rig.store.directRun({ actor, id, to: 'rollback', reason: 'apps fail' });
      const run = await rig.until();
      expect(run).toMatchObject({
        state: 'ROLLED_BACK',
        reason: expect.stringContaining('apps fail'),
      });
      expect(rig.service.live().map((key) => key.id)).toEqual(['k0']);
      expect(await rig.currentVersions()).toEqual([1]);
      await expectSound(rig);
    },
  );

  test('cannot take it back once the old key is being revoked', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    rig.service.fault = (name) => (name === 'revoke' ? 'refused' : undefined);
    await rig.start();
    const { id } = await rig.until(
      ({ state, problem }) => state === 'REVOKING' && problem !== null,
    );
    const back = rig.store.directRun({ actor, id, to: 'rollback' });
    await expect(back).rejects.toMatchObject({ code: 'conflict' });
    // It is tried on and on, and done when it can be.
    rig.service.fault = () => undefined;
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    await expectSound(rig);
  });

  test('rolls the cutover back, and the run follows', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    await rig.start();
    const { cutoverId } = await rig.until(({ state }) => state === 'GRACE');
    await rig.store.rollbackCutover({ actor, id: cutoverId ?? '', reason: 'by hand' });
    expect(await rig.until()).toMatchObject({ state: 'ROLLED_BACK', reason: 'by hand' });
    await expectSound(rig);
  });

  test('pauses a run, which rests where it is', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    await rig.start();
    await rig.until(({ state }) => state === 'GRACE');
    const { id } = await rig.rotation();
    await rig.store.setRotationState({ actor, id, state: 'paused' });
    const engine = rig.engine();
    for (let tick = 0; tick < 10; tick++) {
      rig.opened.clock.advance(DAY_MS);
      await engine.tick();
    }
    expect((await rig.run()).state).toBe('GRACE');
    await rig.store.setRotationState({ actor, id, state: 'active' });
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
  });
});

describe('an old key that is in use', () => {
  const use = async ({ store, opened }: RotationRig): Promise<void> => {
    const secretId = (await store.getSecret('key'))?.id ?? '';
    const atMs = opened.clock.now();
    const delta = { route: 'api', clientId: 'shop', outcome: 'accepted', count: 1 } as const;
    const times = { firstUsedAtMs: atMs, lastUsedAtMs: atMs };
    await store.recordUsage([
      { secretId, environment: 'production', version: 1, ...delta, ...times },
    ]);
  };

  test('holds the run, which says who uses it and goes on when it is quiet', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    await rig.start();
    await rig.until(({ state }) => state === 'GRACE');
    const engine = rig.engine();
    // Somebody uses it every 10 seconds, for ten minutes.
    for (let seconds = 0; seconds < 600; seconds += 10) {
      await use(rig);
      rig.opened.clock.advance(10_000);
      await engine.tick();
      await rig.until(() => true);
    }
    expect(await rig.run()).toMatchObject({
      state: 'DISABLING',
      problem: expect.stringContaining('"shop" by route "api"'),
    });
    expect(rig.service.keys.get('k0')?.state).toBe('live');
    await engine.close();
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    await expectSound(rig);
  });

  test('at its provider alone holds the run too', async () => {
    const rig = await startRig({ recovery: 'list', routed: true });
    await rig.start();
    const { stateSinceMs } = await rig.until(({ state }) => state === 'GRACE');
    rig.service.lastUsedAtMs = stateSinceMs + 3_600_000;
    rig.opened.clock.advance(2 * 3_600_000);
    rig.service.fault = (name) => (name === 'last_use' ? 'unavailable' : undefined);
    const asked = await rig.until(({ problem }) => problem !== null);
    expect(alertOfRun(asked, 0)?.kind).toBe('rotation_needs_attention');
    rig.service.fault = () => undefined;
    const run = await rig.until(({ attempts }) => attempts === 0);
    expect(run).toMatchObject({
      state: 'DISABLING',
      problem: expect.stringContaining('not by Keyferry'),
    });
    expect(alertOfRun(run, 0)?.kind).toBe('key_used_elsewhere');
    expect(await rig.until(undefined, 3_600_000)).toMatchObject({ state: 'DONE' });
    expect(rig.opened.clock.now()).toBeGreaterThan(rig.service.lastUsedAtMs + 2 * DAY_MS);
  });

  test('by a session of its own holds the run, and its version can be used meanwhile', async () => {
    const rig = await startRig({ recovery: 'apply', routed: true });
    let asked = 0;
    rig.service.fault = (name) => (name === 'disable' && asked++ < 5 ? 'in_use' : undefined);
    await rig.start();
    await rig.until(({ problem }) => problem !== null);
    const keys = await rig.store.providerKeys('key', 'production');
    expect(keys.find(({ version }) => version === 1)?.state).toBe('live');
    expect(await rig.until()).toMatchObject({ state: 'DONE' });
    await expectSound(rig);
  });
});

describe('a schedule', () => {
  test('that missed ten days begins one run, in its window, and the next one an interval later', async () => {
    const window = {
      days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const,
      from: '02:00',
      until: '04:00',
    };
    const rig = await startRig({
      recovery: 'replay',
      routed: true,
      settings: {
        intervalDays: 1,
        window,
        timezone: 'Europe/Berlin',
        gracePeriodMinutes: 0,
        soakMinutes: 0,
      },
    });
    // 1 November at 00:00 UTC; down for ten days, until noon.
    rig.opened.clock.advance(40 * DAY_MS + DAY_MS / 2);
    const engine = rig.engine();
    await engine.tick();
    expect((await rig.rotation()).run).toBeNull();
    expect(new Date((await rig.rotation()).nextRunAtMs ?? 0).toISOString()).toContain('T01:00:00');
    rig.opened.clock.set((await rig.rotation()).nextRunAtMs ?? 0);
    await engine.tick();
    await engine.close();
    const first = await rig.until();
    expect(first).toMatchObject({ state: 'DONE', trigger: 'schedule', startedBy: 'system' });
    const { items } = await rig.store.listRuns((await rig.rotation()).id, {});
    expect(items).toHaveLength(1);
    expect(((await rig.rotation()).nextRunAtMs ?? 0) - first.startedAtMs).toBe(DAY_MS);
  });

  test('begins nothing early and nothing twice when the clock jumps', async () => {
    const rig = await startRig({
      recovery: 'replay',
      settings: { intervalDays: 10, gracePeriodMinutes: 0, soakMinutes: 0 },
    });
    const { id, nextRunAtMs } = await rig.rotation();
    const { clock } = rig.opened;
    clock.set((nextRunAtMs ?? 0) - 1);
    let engine = rig.engine();
    await engine.tick();
    expect((await rig.rotation()).run).toBeNull();
    clock.advance(1);
    await engine.tick();
    await engine.close();
    const first = await rig.until();
    // Back by a year, and on again: the next one is still ten days after the first.
    for (const jumpMs of [-365 * DAY_MS, 200 * DAY_MS, 165 * DAY_MS, 9 * DAY_MS]) {
      clock.advance(jumpMs);
      engine = rig.engine();
      await engine.tick();
      await engine.close();
    }
    expect((await rig.store.listRuns(id, {})).items).toHaveLength(1);
    clock.set(first.startedAtMs + 10 * DAY_MS);
    await rig.until();
    expect((await rig.store.listRuns(id, {})).items.length).toBe(2);
  });
});
