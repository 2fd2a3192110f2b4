import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_ROTATION_SETTINGS, SecretValue } from '../../src/core/index.js';
import { acceptRows } from '../../src/maintenance.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  TEST_ACTOR as actor,
  newDataDir,
  openTestStore,
  type TestStore,
} from '../support/open-test-store.js';

let a: TestStore;
let b: TestStore;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  const dataDir = newDataDir();
  a = await openTestStore({ clock, dataDir, shared: true });
  b = await openTestStore({ clock, dataDir, shared: true });
});
afterEach(async () => {
  await b.store.close();
  await a.cleanUp();
});

const value = (text: string) => SecretValue.fromText(text);
const place = { actor, secret: 'key', environment: 'production' };
const current = { secret: 'key', environment: 'production', version: undefined };

describe('two stores on one database', () => {
  test('see what the other one wrote, and take no row of it for altered', async () => {
    const stores = [a.store, b.store];
    await a.store.createSecret({ actor, name: 'key' });
    for (let round = 1; round <= 40; round++) {
      const [writer, reader] = round % 2 === 0 ? [a.store, b.store] : [b.store, a.store];
      await writer.addVersion({ ...place, value: value(`v${round}`) });
      await writer.activateVersion({ ...place, version: round });
      const [found] = await reader.resolveValues([current]);
      expect(found).toMatchObject({ status: 'found', version: round });
    }
    for (const store of stores) {
      expect(await store.alteredRows()).toEqual([]);
      expect(await store.verifyAudit()).toMatchObject({ ok: true, rows: 80 });
    }
  });

  test('write and read at once: each row stands, and the audit log is one chain', async () => {
    await a.store.createSecret({ actor, name: 'key' });
    await a.store.addVersion({ ...place, value: value('first') });
    const found: unknown[] = [];
    const write = async ({ store }: TestStore, name: string) => {
      for (let index = 0; index < 60; index++) {
        await store.createSecret({ actor, name: `${name}${index}` });
        await store.addVersion({ ...place, secret: `${name}${index}`, value: value('v') });
        await store.addVersion({ ...place, value: value(`${name} ${index}`) });
      }
    };
    const read = async ({ store }: TestStore, until: Promise<unknown>) => {
      let isOver = false;
      void until.then(() => {
        isOver = true;
      });
      while (!isOver) {
        found.push(...(await store.resolveValues([current])));
        await store.listVersions('key', 'production');
        expect(await store.verifyAudit()).toMatchObject({ ok: true });
      }
    };
    const writing = Promise.all([write(a, 'a'), write(b, 'b')]);
    await Promise.all([writing, read(a, writing), read(b, writing)]);
    expect(found.every((one) => (one as { status: string }).status === 'found')).toBe(true);
    for (const { store } of [a, b]) {
      expect(await store.alteredRows()).toEqual([]);
      expect(await store.verifyAudit()).toMatchObject({ ok: true, rows: 362 });
      expect(await store.listVersions('key', 'production')).toHaveLength(121);
    }
  });

  test('claim and begin each due rotation once', async () => {
    const count = 60;
    for (let index = 0; index < count; index++) {
      const secret = `key${index}`;
      await a.store.createSecret({ actor, name: secret });
      await a.store.enableRotation({
        ...place,
        ...DEFAULT_ROTATION_SETTINGS,
        secret,
        provider: 'custom',
        intervalDays: 1,
        cron: null,
        config: {},
        nextRunAtMs: clock.now(),
      });
    }
    const begun: string[] = [];
    const work = async ({ store }: TestStore) => {
      for (;;) {
        const due = await store.dueRotations(clock.now(), 10);
        if (due.length === 0) return;
        for (const { id, nextRunAtMs } of due) {
          const ifNextRunAtMs = nextRunAtMs ?? 0;
          await store
            .startRun({ actor, rotationId: id, trigger: 'schedule', ifNextRunAtMs })
            .then(({ rotationId }) => begun.push(rotationId))
            .catch((error: unknown) => expect(error).toMatchObject({ code: 'conflict' }));
        }
      }
    };
    await Promise.all([work(a), work(b)]);
    expect(begun).toHaveLength(count);
    expect(new Set(begun).size).toBe(count);
    const held: string[] = [];
    const claim = async ({ store }: TestStore, holder: string) => {
      for (const { id } of await store.claimableRuns(1000)) {
        const run = await store.claimRun({ id, holder, leaseMs: 60_000 });
        if (run !== undefined) held.push(id);
      }
    };
    await Promise.all([claim(a, 'a'), claim(b, 'b')]);
    expect(held).toHaveLength(count);
    expect(new Set(held).size).toBe(count);
    expect(await b.store.alteredRows()).toEqual([]);
  });

  test('one that stops beating is made up for by the other, and one that runs is not', async () => {
    await a.store.createSecret({ actor, name: 'key' });
    await a.store.addVersion({ ...place, value: value('one') });
    const references = [{ route: 'pay', ...current }];
    await a.store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
    await a.store.beat(clock.now() + 20_000);
    await b.store.beat(clock.now() + 20_000);
    expect(await b.store.presumeUses()).toBeUndefined();
    clock.advance(15_000);
    await b.store.beat(clock.now() + 20_000);
    const untilMs = clock.now() + 5_000;
    clock.advance(10_000);
    expect(await b.store.presumeUses()).toEqual({ untilMs, versions: 1 });
    expect(await b.store.presumeUses()).toBeUndefined();
    await b.store.endHeartbeat();
    expect(await a.store.presumeUses()).toBeUndefined();
  });

  test('let nobody in who wants the folder for itself, and nobody who has it lets them in', async () => {
    const { dataDir } = a;
    await expect(openTestStore({ clock, dataDir })).rejects.toMatchObject({
      code: 'data_folder_locked',
    });
    await expect(acceptRows({ dataDir, clock })).rejects.toMatchObject({
      code: 'data_folder_locked',
    });
    await a.store.close();
    await expect(openTestStore({ clock, dataDir })).rejects.toMatchObject({
      code: 'data_folder_locked',
    });
    await b.store.close();
    const alone = await openTestStore({ clock, dataDir });
    await expect(openTestStore({ clock, dataDir, shared: true })).rejects.toMatchObject({
      code: 'data_folder_locked',
    });
    await alone.store.close();
    a = await openTestStore({ clock, dataDir, shared: true });
  });
});
