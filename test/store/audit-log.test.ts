import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
  for (let i = 1; i <= 10; i++) await opened.store.createSecret({ actor, name: `s${i}` });
});
afterEach(() => opened.cleanUp());

/** What someone who writes the file could do: without the triggers, which are only in the file too. */
function tamper(sql: string): void {
  const raw = new Database(join(opened.dataDir, 'keyferry.db'));
  for (const name of ['update', 'delete', 'replace']) {
    raw.exec(`DROP TRIGGER audit_is_append_only_${name}`);
  }
  raw.exec(sql);
  raw.close();
}

const columns =
  'at_ms, actor_type, actor_id, actor_name, action, secret, environment, detail, key_id, mac';

describe('the audit log', () => {
  test('is whole as the store writes it', async () => {
    expect(await opened.store.verifyAudit()).toEqual({ ok: true, rows: 10 });
  });

  test.each([
    ['a changed text', "UPDATE audit SET secret = 'other' WHERE seq = 4", 4],
    ['a changed time', 'UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1', 1],
    ['a changed detail', `UPDATE audit SET detail = '{"a":1}' WHERE seq = 10`, 10],
    [
      'a text moved to the next column',
      'UPDATE audit SET environment = secret, secret = NULL WHERE seq = 3',
      3,
    ],
    ['a changed mac', 'UPDATE audit SET mac = zeroblob(32) WHERE seq = 6', 6],
    ['another key', "UPDATE audit SET key_id = 'audit-9' WHERE seq = 6", 6],
    ['a removed row', 'DELETE FROM audit WHERE seq = 5', 6],
    ['a removed first row', 'DELETE FROM audit WHERE seq = 1', 2],
    ['a removed last row', 'DELETE FROM audit WHERE seq = 10', 10],
    [
      'a removed row, the rest renumbered',
      'DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = seq - 1 WHERE seq > 5',
      5,
    ],
    ['an added row', `INSERT INTO audit SELECT 11, ${columns} FROM audit WHERE seq = 10`, 11],
    [
      'two swapped rows',
      'UPDATE audit SET seq = 100 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 7; UPDATE audit SET seq = 7 WHERE seq = 100',
      3,
    ],
    ['all of it removed', 'DELETE FROM audit', 1],
    ['the head removed', 'DELETE FROM audit_head', 11],
  ])('shows %s, and where', async (_, sql, firstBroken) => {
    tamper(sql);
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: false, firstBroken });
  });

  test('is listed as far as it can be read where it was altered', async () => {
    tamper(`PRAGMA ignore_check_constraints = 1;
      UPDATE audit SET detail = '{' WHERE seq = 4;
      UPDATE audit SET at_ms = 9000000000000000000 WHERE seq = 5`);
    const { items } = await opened.store.listAudit({});
    expect(items.find(({ seq }) => seq === 4)).toMatchObject({ detail: { unreadable: true } });
    const { atMs } = items.find(({ seq }) => seq === 5) ?? { atMs: 0 };
    expect(new Date(atMs).toISOString()).toMatch(/^\+275760-/);
  });

  test('is listed newest first, in pages, by filters', async () => {
    const { store, clock } = opened;
    clock.advance(1000);
    await store.createEnvironment({ actor: { ...actor, id: 'bob', name: 'Bob' }, name: 'qa' });
    await store.recordAudit({ actor, action: 'backup.create', detail: { bytes: 5 } });
    const seqs = async (filter: Parameters<typeof store.listAudit>[0]) =>
      (await store.listAudit(filter)).items.map(({ seq }) => seq);
    expect(await seqs({ limit: 2 })).toEqual([12, 11]);
    const { nextCursor } = await store.listAudit({ limit: 2 });
    expect(await seqs({ limit: 2, cursor: nextCursor ?? undefined })).toEqual([10, 9]);
    expect(await seqs({ action: 'backup.create' })).toEqual([12]);
    expect(await seqs({ action: 'environment.' })).toEqual([11]);
    expect(await seqs({ secret: 's3' })).toEqual([3]);
    expect(await seqs({ environment: 'qa' })).toEqual([11]);
    expect(await seqs({ actor: 'bob' })).toEqual([11]);
    expect(await seqs({ sinceMs: clock.now() })).toEqual([12, 11]);
    expect(await seqs({ environments: ['qa'] })).toEqual([11]);
    expect(await seqs({ untilMs: clock.now() })).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await seqs({ secretPrefix: 's1' })).toEqual([10, 1]);
    expect((await store.listAudit({ limit: 1 })).items[0]).toMatchObject({
      actor,
      action: 'backup.create',
      secret: null,
      detail: { bytes: 5 },
    });
  });
});
