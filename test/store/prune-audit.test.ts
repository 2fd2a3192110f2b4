import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const DAY_MS = 86_400_000;
/** Small, so that the tests need few steps of a week. */
const retentionDays = 20;

let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.cleanUp());

const record = (action: string) => opened.store.recordAudit({ actor, action, detail: {} });
const prune = () => opened.store.pruneAudit({ retentionDays });
const verify = () => opened.store.verifyAudit();
const seqs = async (): Promise<number[]> =>
  (await opened.store.listAudit({ order: 'oldest', limit: 1000 })).items.map(({ seq }) => seq);

/** A week goes by at a time, as a server that runs sees it. */
async function live(days: number): Promise<void> {
  for (let left = days; left > 0; left -= 7) {
    opened.clock.advance(Math.min(left, 7) * DAY_MS);
    await prune();
  }
}

function raw(sql: string): void {
  const database = new Database(join(opened.dataDir, 'keyferry.db'));
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

describe('rows older than the log is kept', () => {
  test('go, with a record of it, and what is left verifies', async () => {
    for (let i = 0; i < 5; i++) await record('a');
    await prune();
    await live(14);
    for (let i = 0; i < 5; i++) await record('b');
    await live(12);
    expect(await seqs()).toHaveLength(10);
    const before = await opened.store.auditPosition();
    await live(2);
    expect(await seqs()).toEqual([6, 7, 8, 9, 10, 11]);
    expect((await opened.store.listAudit({ limit: 1 })).items[0]).toMatchObject({
      seq: 11,
      action: 'audit.prune',
      actor: { type: 'system' },
      detail: { from: 1, through: 5, retentionDays },
    });
    expect(await verify()).toEqual({ ok: true, rows: 6, prunedThrough: 5 });
    expect(await opened.store.verifyAudit(before)).toMatchObject({ checkpoint: 'contained' });
    opened = await opened.reopen();
    await record('c');
    expect(await verify()).toEqual({ ok: true, rows: 7, prunedThrough: 5 });
    const early = { seq: 3, mac: before.mac };
    expect(await opened.store.verifyAudit(early)).toMatchObject({ ok: true, checkpoint: 'pruned' });
    expect(await opened.store.verifyAudit({ ...early, seq: 5 })).toMatchObject({
      ok: false,
      finding: 'checkpoint_differs',
    });
  });

  test('are all of a log that slept, but for the record of it', async () => {
    for (let i = 0; i < 5; i++) await record('a');
    await prune();
    await live(70);
    expect(await seqs()).toEqual([7]);
    expect(await verify()).toMatchObject({ ok: true, rows: 1 });
  });

  test('stay while one of them does not fit', async () => {
    for (let i = 0; i < 5; i++) await record('a');
    raw("DROP TRIGGER audit_is_append_only_update; UPDATE audit SET action = 'x' WHERE seq = 3");
    await prune();
    await live(70);
    expect(await seqs()).toEqual([3, 4, 5, 6]);
    expect(await prune()).toEqual({ rows: 0, more: false, firstBroken: 3 });
    expect(await verify()).toMatchObject({ ok: false, firstBroken: 3, finding: 'altered' });
  });

  test('go a thousand at a time', async () => {
    const { store } = opened;
    for (let i = 0; i < 10; i++) {
      await Promise.all(Array.from({ length: 101 }, () => record('a')));
    }
    await prune();
    opened.clock.advance(7 * DAY_MS);
    await prune();
    opened.clock.advance(7 * DAY_MS);
    await prune();
    opened.clock.advance(7 * DAY_MS);
    await prune();
    opened.clock.advance(7 * DAY_MS);
    expect(await prune()).toMatchObject({ rows: 1000, more: true });
    expect(await prune()).toMatchObject({ rows: 10, more: false });
    expect(await store.verifyAudit()).toMatchObject({ ok: true, prunedThrough: 1010 });
  });
});

describe('a clock that is wrong', () => {
  test.each([
    ['ten years ahead', 3650],
    ['a century ahead', 36_500],
  ])('takes no row before its time when it jumps %s', async (_, days) => {
    for (let i = 0; i < 5; i++) await record('a');
    await live(7);
    for (let i = 0; i < 5; i++) await record('b');
    const right = opened.clock.now();
    opened.clock.advance(days * DAY_MS);
    for (let i = 0; i < 30; i++) {
      expect(await prune()).toMatchObject({ rows: 0 });
      opened.clock.advance(60_000);
      opened = i === 10 ? await opened.reopen() : opened;
    }
    opened.clock.set(right);
    await live(12);
    expect(await seqs()).toHaveLength(10);
    expect(await verify()).toMatchObject({ ok: true, rows: 10 });
  });

  test('keeps what was written while it was behind as long as what came after', async () => {
    await record('a');
    const right = opened.clock.now();
    opened.clock.set(0);
    await record('written in 1970');
    opened.clock.set(right + DAY_MS);
    await record('b');
    await live(26);
    expect(await seqs()).toEqual([1, 2, 3]);
    await live(1);
    // The first is old enough; the second counts as old as the third.
    expect(await seqs()).toEqual([2, 3, 4]);
    await live(2);
    expect(await seqs()).not.toContain(2);
  });
});

describe('the anchor', () => {
  test('lets nobody else delete, put back, or move it back', async () => {
    for (let i = 0; i < 5; i++) await record('a');
    await prune();
    await live(28);
    for (let i = 0; i < 3; i++) await record('b');
    expect(await seqs()).toEqual([6, 7, 8, 9]);
    expect(() => raw('DELETE FROM audit WHERE seq = 6')).toThrow('append-only');
    expect(() =>
      raw(
        'INSERT INTO audit SELECT 2, at_ms, actor_type, actor_id, actor_name, action, secret, environment, detail, key_id, mac FROM audit WHERE seq = 6',
      ),
    ).toThrow('append-only');
    expect(() => raw('UPDATE audit_head SET anchor_seq = 2')).toThrow('does not come back');
    raw(
      'UPDATE audit_head SET anchor_seq = 7, anchor_mac = (SELECT mac FROM audit WHERE seq = 7); DELETE FROM audit WHERE seq <= 7',
    );
    expect(await verify()).toMatchObject({ ok: false, finding: 'missing', firstBroken: 8 });
  });
});
