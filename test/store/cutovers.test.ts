import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Cutover,
  type CutoverDelta,
  type CutoverEvidence,
  DEFAULT_CUTOVER_SETTINGS,
  NO_COUNTS,
  type RouteReference,
  SecretValue,
  SYSTEM_ACTOR,
} from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const MINUTE_MS = 60_000;
const place = { actor, secret: 'key', environment: 'production' };
const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [10, 50, 100], windowMinutes: 30 };
const evidence: CutoverEvidence = {
  step: 0,
  sinceMs: null,
  route: null,
  old: { ...NO_COUNTS, accepted: 90 },
  new: { ...NO_COUNTS, accepted: 10 },
  probes: 0,
  clients: 2,
  probability: null,
  probabilityWithoutClient: null,
};
let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
  await opened.store.createSecret({ actor, name: 'key' });
  for (const text of ['one', 'two', 'three']) await add('key', text);
});
afterEach(() => opened.cleanUp());

const add = (secret: string, text: string) =>
  opened.store.addVersion({ ...place, secret, value: SecretValue.fromText(text) });

const start = (toVersion: number | null = 2, toSecret: string | null = null, secret = 'key') =>
  opened.store.startCutover({ ...place, secret, toVersion, toSecret, settings });

const advance = (cutover: Cutover) =>
  opened.store.advanceCutover({
    actor: SYSTEM_ACTOR,
    id: cutover.id,
    ifState: cutover.state,
    ifStep: cutover.step,
    evidence,
  });

/** Begins one and takes as many steps. */
async function startAndAdvance(steps: number): Promise<Cutover> {
  let cutover = await start();
  for (let taken = 0; taken < steps; taken++) cutover = await advance(cutover);
  return cutover;
}

const end = (id: string, reason = 'tried enough') => ({ actor, id, reason });

const pointers = async (secret = 'key') => {
  const found = await opened.store.getSecret(secret);
  const own = found?.environments.find(({ environment }) => environment === 'production');
  return [own?.currentVersion, own?.previousVersion];
};

const applyRoutes = (references: readonly RouteReference[]) =>
  opened.store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });

const reference = (secret: string): RouteReference => ({
  route: 'pay',
  environment: 'production',
  secret,
  version: undefined,
});

const actions = async () => {
  const { items } = await opened.store.listAudit({ action: 'cutover.' });
  return items.map(({ action }) => action).toReversed();
};

describe('a cutover', () => {
  test('goes from step to step; the pointers move with the last one', async () => {
    const seq = await opened.store.latestChange();
    const begun = await start();
    expect(begun).toMatchObject({
      secret: 'key',
      fromVersion: 1,
      toVersion: 2,
      toSecret: null,
      settings,
      state: 'PENDING',
      step: 0,
      startedBy: 'tester',
      evidence: null,
    });
    const first = await advance(begun);
    expect(first).toMatchObject({ state: 'CANARY', step: 0, evidence });
    opened.clock.advance(MINUTE_MS);
    const second = await advance(first);
    expect(second).toMatchObject({ state: 'CANARY', step: 1 });
    expect(second.stepStartedAtMs).toBe(first.stepStartedAtMs + MINUTE_MS);
    expect(await pointers()).toEqual([1, null]);
    const last = await advance(second);
    expect(last).toMatchObject({
      state: 'CURRENT',
      step: 2,
      currentSinceMs: opened.clock.now(),
      windowEndsAtMs: opened.clock.now() + 30 * MINUTE_MS,
    });
    expect(await pointers()).toEqual([2, 1]);
    await expect(advance(last)).rejects.toMatchObject({ code: 'conflict' });
    expect(await opened.store.runningCutovers()).toEqual([last]);
    opened.clock.advance(MINUTE_MS);
    const done = await opened.store.completeCutover({ ...end(last.id), actor: SYSTEM_ACTOR });
    expect(done).toMatchObject({
      state: 'COMPLETED',
      reason: 'tried enough',
      endedByItself: true,
      endedAtMs: opened.clock.now(),
      windowEndsAtMs: opened.clock.now(),
    });
    expect(await opened.store.runningCutovers()).toEqual([]);
    expect(await opened.store.getCutover(done.id)).toEqual(done);
    expect(await pointers()).toEqual([2, 1]);
    expect(await actions()).toEqual([
      'cutover.start',
      'cutover.advance',
      'cutover.advance',
      'cutover.activate',
      'cutover.complete',
    ]);
    const { items } = await opened.store.listAudit({ action: 'cutover.activate' });
    expect(items[0]).toMatchObject({
      actor: SYSTEM_ACTOR,
      secret: 'key',
      environment: 'production',
      detail: { cutover: done.id, from: 1, to: 2, percent: 100, before: 'CANARY', evidence },
    });
    const changes = (await opened.store.changesSince(seq)) ?? [];
    expect(changes.map(({ kind }) => kind)).toEqual([
      'cutover',
      'cutover',
      'cutover',
      'version',
      'cutover',
      'cutover',
    ]);
  });

  test('of one step of 100 % is current at once', async () => {
    const begun = await opened.store.startCutover({
      ...place,
      toVersion: 3,
      toSecret: null,
      settings: { ...settings, steps: [100] },
    });
    expect(await advance(begun)).toMatchObject({ state: 'CURRENT', step: 0 });
    expect(await pointers()).toEqual([3, 1]);
  });

  test('is rolled back to the old version from wherever it is', async () => {
    for (const steps of [0, 1, 2, 3]) {
      const { id, step } = await startAndAdvance(steps);
      const back = await opened.store.rollbackCutover({ ...end(id), evidence });
      expect(back).toMatchObject({ state: 'ROLLED_BACK', step, evidence, endedByItself: false });
      expect((await pointers())[0]).toBe(1);
      expect(await opened.store.rollbackCutover(end(id, 'again'))).toEqual(back);
      await expect(opened.store.completeCutover(end(id))).rejects.toMatchObject({
        code: 'conflict',
      });
      await expect(opened.store.pauseCutover({ actor, id })).rejects.toMatchObject({
        code: 'conflict',
      });
    }
  });

  test('is completed before its last step as if it had taken all', async () => {
    const { id } = await startAndAdvance(1);
    const done = await opened.store.completeCutover(end(id));
    expect(done).toMatchObject({
      state: 'COMPLETED',
      step: 2,
      currentSinceMs: opened.clock.now(),
      windowEndsAtMs: opened.clock.now(),
    });
    expect(await pointers()).toEqual([2, 1]);
    expect(await opened.store.completeCutover(end(id, 'again'))).toEqual(done);
    await expect(opened.store.rollbackCutover(end(id))).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is decided on only where it is what the decision saw', async () => {
    const begun = await start();
    const first = await advance(begun);
    await expect(advance(begun)).rejects.toMatchObject({ code: 'conflict' });
    const hold = { actor: SYSTEM_ACTOR, id: first.id, evidence, hold: 'upstream_failing' as const };
    await expect(
      opened.store.holdCutover({ ...hold, ifState: 'CANARY', ifStep: 1 }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const held = await opened.store.holdCutover({ ...hold, ifState: 'CANARY', ifStep: 0 });
    expect(held).toMatchObject({ hold: 'upstream_failing', state: 'CANARY' });
    await opened.store.holdCutover({ ...hold, ifState: 'CANARY', ifStep: 0 });
    expect(await advance(held)).toMatchObject({ hold: null, step: 1 });
    expect((await actions()).filter((action) => action === 'cutover.hold')).toHaveLength(1);
  });

  test('that is paused is moved by persons only, and still rolled back', async () => {
    const { id } = await startAndAdvance(1);
    const paused = await opened.store.pauseCutover({ actor, id });
    expect(paused).toMatchObject({ paused: true, state: 'CANARY' });
    expect(await opened.store.pauseCutover({ actor, id })).toEqual(paused);
    await expect(advance(paused)).rejects.toMatchObject({ code: 'conflict' });
    await expect(
      opened.store.completeCutover({ ...end(id), actor: SYSTEM_ACTOR }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const resumed = await opened.store.resumeCutover({ actor, id });
    expect(await advance(resumed)).toMatchObject({ step: 1 });
    await opened.store.pauseCutover({ actor, id });
    expect(await opened.store.rollbackCutover({ ...end(id), actor: SYSTEM_ACTOR })).toMatchObject({
      state: 'ROLLED_BACK',
      paused: false,
      endedByItself: true,
    });
    expect(await actions()).toContain('cutover.resume');
  });

  test('begins only where both versions can be used and no other one is under way', async () => {
    await opened.store.revokeVersion({ ...place, version: 3 });
    await expect(start(3)).rejects.toMatchObject({ code: 'version_unusable' });
    await expect(start(1)).rejects.toMatchObject({ code: 'version_unusable' });
    await expect(start(9)).rejects.toMatchObject({ code: 'not_found' });
    await expect(start(null)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(start(null, 'key')).rejects.toMatchObject({ code: 'invalid_request' });
    await opened.store.createSecret({ actor, name: 'empty' });
    await expect(start(null, 'empty')).rejects.toMatchObject({ code: 'version_unusable' });
    await expect(start(1, null, 'empty')).rejects.toMatchObject({ code: 'version_unusable' });
    const { id } = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(id),
    });
    await opened.store.rollbackCutover(end(id));
    expect(await start()).toMatchObject({ state: 'PENDING' });
  });

  test('is one of several at once, and found by secret, environment and state', async () => {
    await opened.store.createSecret({ actor, name: 'other' });
    await add('other', 'one');
    await add('other', 'two');
    const ended = await start();
    await opened.store.rollbackCutover(end(ended.id));
    const first = await start(3);
    const second = await start(2, null, 'other');
    expect(await opened.store.runningCutovers()).toEqual([first, second]);
    const ids = async (filter: object) =>
      (await opened.store.listCutovers(filter)).items.map(({ id }) => id);
    expect(await ids({})).toEqual([second.id, first.id, ended.id]);
    expect(await ids({ running: true })).toEqual([second.id, first.id]);
    expect(await ids({ running: false })).toEqual([ended.id]);
    expect(await ids({ state: 'ROLLED_BACK' })).toEqual([ended.id]);
    expect(await ids({ secret: 'other' })).toEqual([second.id]);
    expect(await ids({ environment: 'staging' })).toEqual([]);
    expect(await ids({ environments: ['staging'] })).toEqual([]);
    expect(await ids({ environments: ['production'], secretPrefix: 'ke' })).toEqual([
      first.id,
      ended.id,
    ]);
    const page = await opened.store.listCutovers({ limit: 2 });
    expect(await ids({ cursor: page.nextCursor })).toEqual([ended.id]);
  });

  test('adds up what was observed, until it ends', async () => {
    const { id } = await startAndAdvance(1);
    const delta: CutoverDelta = {
      ...NO_COUNTS,
      cutoverId: id,
      step: 0,
      side: 'new',
      route: 'pay',
      clientId: 'shop',
      accepted: 3,
      refused: 2,
      pairedRefusals: 1,
      sharedRefusals: 1,
    };
    await opened.store.recordUsage([], [delta, { ...delta, side: 'old', failed: 4 }]);
    await opened.store.recordUsage([], [delta]);
    const { cutoverId: _, ...counts } = delta;
    const found = [
      { ...counts, client: 'shop', accepted: 6, refused: 4, pairedRefusals: 2, sharedRefusals: 2 },
      { ...counts, client: 'shop', side: 'old', failed: 4 },
    ];
    expect(await opened.store.observationsOf(id)).toEqual(found);
    await opened.store.rollbackCutover(end(id));
    await opened.store.recordUsage([], [delta, { ...delta, cutoverId: 'gone' }]);
    expect(await opened.store.observationsOf(id)).toEqual(found);
  });

  test('goes on after a restart where it was', async () => {
    const before = await startAndAdvance(1);
    opened = await opened.reopen();
    expect(await opened.store.runningCutovers()).toEqual([before]);
    expect(await advance(before)).toMatchObject({ step: 1 });
  });
});

describe('by name, a cutover', () => {
  beforeEach(async () => {
    await opened.store.createSecret({ actor, name: 'key_v2' });
    await add('key_v2', 'one');
    await applyRoutes([reference('key')]);
  });

  const change = (secret: string, ifRevision: number) => ({
    document: { routes: [] },
    references: [reference(secret)],
    ifRevision,
    source: 'api' as const,
  });
  const toLastStep = async () => advance(await advance(await start(null, 'key_v2')));

  test('applies the routes with its last step, or not at all', async () => {
    const cutover = await toLastStep();
    expect(cutover).toMatchObject({
      state: 'CANARY',
      step: 1,
      toSecret: 'key_v2',
      toVersion: null,
    });
    const command = {
      actor: SYSTEM_ACTOR,
      id: cutover.id,
      ifState: 'CANARY' as const,
      ifStep: 1,
      evidence,
    };
    await expect(opened.store.advanceCutover(command)).rejects.toMatchObject({ code: 'conflict' });
    await expect(
      opened.store.advanceCutover({ ...command, routes: change('key_v2', 7) }),
    ).rejects.toMatchObject({ code: 'precondition_failed' });
    await expect(
      opened.store.advanceCutover({ ...command, routes: change('key', 1) }),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(await opened.store.currentRoutes()).toMatchObject({ revision: 1 });
    const seq = await opened.store.latestChange();
    const moved = await opened.store.advanceCutover({ ...command, routes: change('key_v2', 1) });
    expect(moved).toMatchObject({ state: 'CURRENT' });
    expect(await opened.store.currentRoutes()).toMatchObject({ revision: 2, createdBy: 'system' });
    expect(await opened.store.changesSince(seq)).toMatchObject([
      { kind: 'routes', revision: 2 },
      { kind: 'cutover', secret: 'key' },
      { kind: 'cutover', secret: 'key_v2' },
    ]);
    const back = await opened.store.rollbackCutover({ ...end(moved.id), routes: change('key', 2) });
    expect(back).toMatchObject({ state: 'ROLLED_BACK' });
    expect(await opened.store.currentRoutes()).toMatchObject({ revision: 3 });
    expect(await pointers()).toEqual([1, null]);
    expect(await pointers('key_v2')).toEqual([1, null]);
  });

  test('takes routes that were applied meanwhile', async () => {
    const cutover = await toLastStep();
    await applyRoutes([reference('key_v2')]);
    expect(await advance(cutover)).toMatchObject({ state: 'CURRENT' });
  });

  test('holds both secrets', async () => {
    const cutover = await toLastStep();
    await add('key_v2', 'two');
    await expect(start()).rejects.toMatchObject({ code: 'conflict' });
    await expect(start(2, null, 'key_v2')).rejects.toMatchObject({ code: 'conflict' });
    await opened.store.createSecret({ actor, name: 'third' });
    await add('third', 'one');
    await expect(start(null, 'key', 'third')).rejects.toMatchObject({ code: 'conflict' });
    await expect(start(null, 'key_v2', 'third')).rejects.toMatchObject({ code: 'conflict' });
    const activate = (secret: string, version: number) =>
      opened.store.activateVersion({ ...place, secret, version });
    await expect(activate('key', 2)).rejects.toMatchObject({ code: 'conflict' });
    await expect(activate('key_v2', 2)).rejects.toMatchObject({ code: 'conflict' });
    expect(await activate('key_v2', 1)).toMatchObject({ state: 'current' });
    await expect(opened.store.rollback({ ...place, secret: 'key_v2' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await applyRoutes([reference('key_v2')]);
    const moved = await advance(cutover);
    await expect(activate('key', 1)).rejects.toMatchObject({ code: 'conflict' });
    await expect(opened.store.rollback(place)).rejects.toMatchObject({ code: 'conflict' });
    const force = { reason: 'leaked' };
    await expect(
      opened.store.revokeVersion({ ...place, secret: 'key_v2', version: 1, force }),
    ).rejects.toMatchObject({ code: 'in_use' });
    await expect(opened.store.deleteSecret({ actor, name: 'key_v2', force })).rejects.toMatchObject(
      { code: 'in_use' },
    );
    await opened.store.revokeVersion({ ...place, version: 1, force });
    expect(await opened.store.getCutover(moved.id)).toMatchObject({ state: 'COMPLETED' });
  });

  test('ends with either secret', async () => {
    const first = await toLastStep();
    await expect(opened.store.deleteSecret({ actor, name: 'key_v2' })).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('under way'),
    });
    await opened.store.deleteSecret({ actor, name: 'key_v2', force: { reason: 'wrong one' } });
    expect(await opened.store.getCutover(first.id)).toMatchObject({
      state: 'ROLLED_BACK',
      toSecret: 'key_v2',
    });
    await opened.store.createSecret({ actor, name: 'key_v2' });
    await add('key_v2', 'again');
    const second = await start(null, 'key_v2');
    const force = { reason: 'leaked' };
    await opened.store.revokeVersion({ ...place, secret: 'key_v2', version: 1, force });
    expect(await opened.store.getCutover(second.id)).toMatchObject({
      state: 'ROLLED_BACK',
      reason: expect.stringContaining('leaked'),
    });
  });
});

describe('while a cutover is under way', () => {
  const stateOf = async (id: string) => (await opened.store.getCutover(id))?.state;
  const force = { reason: 'leaked' };

  test('activating its new version completes it, the old one rolls it back', async () => {
    for (const steps of [0, 1, 3]) {
      const forth = await startAndAdvance(steps);
      expect(await opened.store.activateVersion({ ...place, version: 2 })).toMatchObject({
        state: 'current',
      });
      expect(await stateOf(forth.id)).toBe('COMPLETED');
      expect(await pointers()).toEqual([2, 1]);
      await opened.store.activateVersion({ ...place, version: 1 });
      const back = await startAndAdvance(steps);
      expect(await opened.store.activateVersion({ ...place, version: 1 })).toMatchObject({
        state: 'current',
      });
      expect(await stateOf(back.id)).toBe('ROLLED_BACK');
      expect(await pointers()).toEqual([1, 2]);
    }
  });

  test('no other version is activated', async () => {
    const { id } = await startAndAdvance(1);
    await expect(opened.store.activateVersion({ ...place, version: 3 })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(id),
    });
    expect(await stateOf(id)).toBe('CANARY');
  });

  test('rollback rolls it back', async () => {
    const canary = await startAndAdvance(1);
    expect(await opened.store.rollback(place)).toMatchObject({ version: 1, state: 'current' });
    expect(await stateOf(canary.id)).toBe('ROLLED_BACK');
    const current = await startAndAdvance(3);
    expect(await opened.store.rollback(place)).toMatchObject({ version: 1, state: 'current' });
    expect(await stateOf(current.id)).toBe('ROLLED_BACK');
    expect(await pointers()).toEqual([1, 2]);
  });

  test('a forced end of its new version rolls it back', async () => {
    for (const [steps, version] of [
      [1, 2],
      [3, 3],
    ] as const) {
      let cutover = await start(version);
      for (let taken = 0; taken < steps; taken++) cutover = await advance(cutover);
      await expect(opened.store.revokeVersion({ ...place, version })).rejects.toMatchObject({
        code: 'in_use',
        message: expect.stringContaining(`cutover ${cutover.id} from version 1 to version`),
      });
      await opened.store.revokeVersion({ ...place, version, force });
      expect(await stateOf(cutover.id)).toBe('ROLLED_BACK');
      expect((await pointers())[0]).toBe(1);
    }
  });

  test('a forced end of its old version completes it, if the new one is current', async () => {
    const canary = await startAndAdvance(1);
    await expect(
      opened.store.destroyVersion({ ...place, version: 1, force }),
    ).rejects.toMatchObject({ code: 'in_use' });
    expect(await stateOf(canary.id)).toBe('CANARY');
    const current = await advance(
      await advance((await opened.store.getCutover(canary.id)) ?? canary),
    );
    await opened.store.destroyVersion({ ...place, version: 1, force });
    expect(await stateOf(current.id)).toBe('COMPLETED');
    expect(await pointers()).toEqual([2, null]);
  });

  test('its secret is deleted only by force, and the record stays', async () => {
    const { id } = await startAndAdvance(1);
    await expect(opened.store.deleteSecret({ actor, name: 'key' })).rejects.toMatchObject({
      code: 'in_use',
    });
    await opened.store.deleteSecret({ actor, name: 'key', force });
    expect(await opened.store.getCutover(id)).toMatchObject({
      state: 'ROLLED_BACK',
      secret: 'key',
    });
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  });
});

describe('the database', () => {
  let raw: Database.Database;
  beforeEach(() => {
    raw = new Database(join(opened.dataDir, 'keyferry.db'));
  });
  afterEach(() => {
    raw.close();
  });
  const alter = (sql: string) => raw.exec(sql);

  test('refuses what no cutover does', async () => {
    const { id } = await startAndAdvance(1);
    const refused = (sql: string, why: RegExp) => expect(() => alter(sql)).toThrow(why);
    refused('UPDATE cutovers SET to_version = 3', /keeps its course/);
    refused('DELETE FROM cutovers', /is kept/);
    refused(`INSERT OR REPLACE INTO cutovers SELECT * FROM cutovers`, /begins before|is kept/);
    refused(`UPDATE cutovers SET state = 'PENDING', step = 0`, /goes on or ends/);
    refused(
      `UPDATE cutovers SET state = 'CURRENT', step = 2, current_since_ms = 1, window_ends_at_ms = 1`,
      /current by the pointer/,
    );
    refused('UPDATE cutovers SET ended_at_ms = 1', /CHECK/);
    refused(`UPDATE cutovers SET hold = NULL, step = 3`, /CHECK/);
    refused('UPDATE versions SET revoked_at_ms = 1 WHERE version = 2', /cutover under way/);
    refused('UPDATE secret_environments SET current_version = NULL', /holds the pointer|CHECK/);
    refused(
      `UPDATE versions SET activated_at_ms = 1;
       UPDATE secret_environments SET current_version = 3, previous_version = 1`,
      /holds the pointer/,
    );
    await opened.store.rollbackCutover(end(id));
    refused('UPDATE cutovers SET reason = NULL', /stays so/);
    refused(`UPDATE cutovers SET state = 'CANARY', ended_at_ms = NULL`, /stays so/);
  });

  test.each([
    `UPDATE cutovers SET step = 1`,
    `UPDATE cutovers SET paused = 1`,
    `DROP TRIGGER cutovers_keep_their_course; UPDATE cutovers SET to_version = 3`,
    `DROP TRIGGER cutovers_keep_their_course;
     UPDATE cutovers SET settings = json_replace(settings, '$.maxRefusalRatio', 1)`,
    `UPDATE cutovers SET evidence = '{}'`,
  ])('moves no traffic by a row that was altered: %s', async (sql) => {
    const { id } = await startAndAdvance(1);
    alter(sql);
    expect(await opened.store.runningCutovers()).toEqual([]);
    expect(await opened.store.alteredRows()).toEqual([
      `cutover "${id}" of secret "key" in environment "production"`,
    ]);
    const refused = { code: 'database_corrupt' };
    await expect(opened.store.completeCutover(end(id))).rejects.toMatchObject(refused);
    await expect(opened.store.pauseCutover({ actor, id })).rejects.toMatchObject(refused);
    await expect(opened.store.activateVersion({ ...place, version: 3 })).rejects.toMatchObject(
      refused,
    );
    await expect(start()).rejects.toMatchObject(refused);
    expect(await pointers()).toEqual([1, null]);
    expect(await opened.store.rollbackCutover(end(id))).toMatchObject({ state: 'ROLLED_BACK' });
    expect(await pointers()).toEqual([1, null]);
    expect(await opened.store.alteredRows()).toEqual([]);
    expect(await start()).toMatchObject({ state: 'PENDING' });
  });

  test('moves no pointer back by a row that was altered after the last step', async () => {
    const { id } = await startAndAdvance(3);
    alter('DROP TRIGGER cutovers_keep_their_course; UPDATE cutovers SET from_version = 3');
    await opened.store.rollbackCutover(end(id));
    expect(await pointers()).toEqual([2, 1]);
  });

  test('takes no cutover that another program began', async () => {
    const { id } = await start();
    await opened.store.rollbackCutover(end(id));
    alter(`DROP TRIGGER cutover_ends_are_final; DROP TRIGGER cutovers_only_go_on;
      UPDATE cutovers SET state = 'CANARY', ended_at_ms = NULL, reason = NULL`);
    expect(await opened.store.runningCutovers()).toEqual([]);
  });
});
