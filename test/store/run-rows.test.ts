import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  DEFAULT_ROTATION_SETTINGS,
  RUN_STATES,
  RUN_TRANSITIONS,
  SecretValue,
} from '../../src/core/index.js';
import { rekey } from '../../src/maintenance.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let raw: Database.Database;
let lease: { id: string; epoch: number };
const place = { actor, secret: 'key', environment: 'production' };
const value = (text: string) => SecretValue.fromText(text);

/** A run in `MINTING` that has reserved version 2. */
beforeEach(async () => {
  opened = await openTestStore();
  const { store } = opened;
  await store.createSecret({ actor, name: 'key' });
  await store.addVersion({ ...place, value: value('one') });
  const rotation = await store.enableRotation({
    ...place,
    ...DEFAULT_ROTATION_SETTINGS,
    provider: 'aws',
    intervalDays: 90,
    cron: null,
    config: {},
    nextRunAtMs: null,
  });
  const { id } = await store.startRun({ actor, rotationId: rotation.id, trigger: 'manual' });
  const run = await store.claimRun({ id, holder: 'a', leaseMs: 60_000 });
  lease = { id, epoch: run?.epoch ?? 0 };
  const changes = { principal: 'someone' };
  await store.advanceRun({ actor, lease, ifState: 'PLANNED', to: 'PREFLIGHT', changes });
  await store.reserveVersion({
    actor,
    lease,
    ifState: 'PREFLIGHT',
    stepId: 'step',
    material: value('what the new key is made of'),
    keys: [{ version: 1, state: 'live', keyId: 'old' }],
  });
  raw = new Database(join(opened.dataDir, 'keyferry.db'));
  raw.pragma('foreign_keys = ON');
});
afterEach(async () => {
  raw.close();
  await opened.cleanUp();
});

const INSERT_RUN = `INSERT INTO rotation_runs (id, rotation_id, secret_id, secret, environment, provider, begun_by,
  state, epoch, orphan_key_ids, attempts, started_at_ms, started_by, state_since_ms)
  SELECT 'other', rotation_id, secret_id, secret, environment, provider, begun_by, 'PLANNED', 0, '[]', 0, 1, 'x', 1
  FROM rotation_runs`;

describe('the database itself refuses', () => {
  test('every step of a run that is none', () => {
    const sql = raw
      .prepare<[], string>("SELECT sql FROM sqlite_schema WHERE name = 'rotation_runs_take_steps'")
      .pluck()
      .get();
    const allowed = [...(sql ?? '').matchAll(/\('(\w+)', '(\w+)'\)/g)].map(([, from, to]) => [
      from,
      to,
    ]);
    const expected = RUN_STATES.flatMap((from) => RUN_TRANSITIONS[from].map((to) => [from, to]));
    expect(allowed.toSorted()).toEqual(expected.toSorted());
    for (const to of RUN_STATES) {
      if (to === 'MINTING' || RUN_TRANSITIONS.MINTING.includes(to)) continue;
      expect(() => raw.prepare('UPDATE rotation_runs SET state = ?').run(to)).toThrow(
        'does not go from its state',
      );
    }
  });

  test.each([
    ['a second open run', INSERT_RUN],
    ['a replaced run', INSERT_RUN.replace('INSERT', 'INSERT OR REPLACE').replace("'other'", 'id')],
    ['a run that begins in the middle', INSERT_RUN.replace("'PLANNED'", "'GRACE'")],
    ['a deleted run', 'DELETE FROM rotation_runs'],
    ['another secret', "UPDATE rotation_runs SET secret = 'x'"],
    ['another provider', "UPDATE rotation_runs SET provider = 'x'"],
    ['another reserved number', 'UPDATE rotation_runs SET to_version = 3'],
    ['a lease that was over', 'UPDATE rotation_runs SET epoch = 0'],
    ['a minting without its version', "UPDATE rotation_runs SET state = 'MINTED'"],
    [
      'an attention that stands elsewhere',
      "UPDATE rotation_runs SET state = 'NEEDS_ATTENTION', resumes_as = 'SOAK'",
    ],
    [
      'an end with an open number',
      `UPDATE rotation_runs SET state = 'FAILED', ended_at_ms = 1, reason = 'x', holder = NULL,
       leased_at_ms = NULL, lease_ends_at_ms = NULL, material_algorithm = NULL, material_key_id = NULL,
       material_wrapped_key = NULL, material_ciphertext = NULL`,
    ],
    ['half a material', 'UPDATE rotation_runs SET material_key_id = NULL'],
    [
      'a number that nobody claimed',
      `INSERT INTO versions (secret_id, environment, version, created_at_ms, created_by, fields,
       algorithm, key_id, wrapped_key, ciphertext)
       SELECT secret_id, environment, 7, 1, 'x', '[]', 'a', 'k', x'00', x'00' FROM rotation_runs`,
    ],
    ['a pointer to a reserved number', 'UPDATE secret_environments SET current_version = 2'],
    ['another line of history', "UPDATE run_events SET note = 'x'"],
    ['a shorter history', 'DELETE FROM run_events'],
    ['another provider of a rotation', "UPDATE rotations SET provider = 'x'"],
    [
      'a second rotation',
      `INSERT INTO rotations SELECT 'other', secret_id, secret, environment, provider,
       settings, state, 1, 1, 'x', 1 FROM rotations`,
    ],
    [
      'an interval of no days',
      `UPDATE rotations SET settings = json_set(settings, '$.intervalDays', 0)`,
    ],
  ])('%s', (_, sql) => {
    expect(() => raw.exec(sql)).toThrow(Database.SqliteError);
    const before = raw.prepare('SELECT state, to_version FROM rotation_runs').all();
    expect(before).toEqual([{ state: 'MINTING', to_version: 2 }]);
  });

  test('a version sealed twice, a current one whose key is off, and any change of a run that has ended', async () => {
    const { store } = opened;
    const at = { actor, lease };
    await store.sealMinted({ ...at, ifState: 'MINTING', value: value('two') });
    const seal = `INSERT OR REPLACE INTO versions (secret_id, environment, version, created_at_ms, created_by,
      fields, algorithm, key_id, wrapped_key, ciphertext)
      SELECT secret_id, environment, 2, 1, 'x', '[]', 'a', 'k', x'00', x'00' FROM rotation_runs`;
    expect(() => raw.exec(seal)).toThrow('immutable');
    await store.activateVersion({ ...place, version: 2 });
    for (const [ifState, to] of [
      ['MINTED', 'PROBING'],
      ['PROBING', 'CUTOVER'],
      ['CUTOVER', 'GRACE'],
      ['GRACE', 'DISABLING'],
    ] as const) {
      await store.advanceRun({ ...at, ifState, to });
    }
    const back = 'UPDATE secret_environments SET current_version = 1, previous_version = 2';
    expect(() => raw.exec(back)).toThrow('whose key is disabled');
    await store.advanceRun({ ...at, ifState: 'DISABLING', to: 'SOAK' });
    await store.advanceRun({ ...at, ifState: 'SOAK', to: 'REVOKING' });
    await store.advanceRun({ ...at, ifState: 'REVOKING', to: 'NEEDS_ATTENTION' });
    const away = "UPDATE rotation_runs SET state = 'ROLLING_BACK', resumes_as = NULL";
    expect(() => raw.exec(away)).toThrow('no way back');
    await store.advanceRun({ ...at, ifState: 'NEEDS_ATTENTION', to: 'REVOKING' });
    await store.advanceRun({ ...at, ifState: 'REVOKING', to: 'DONE', reason: 'done' });
    for (const change of ['attempts = 1', "reason = 'x'", "holder = 'x'", 'retry_at_ms = 1']) {
      expect(() => raw.exec(`UPDATE rotation_runs SET ${change}`)).toThrow('stays so');
    }
  });
});

test('material moves to a new root key with the values, and opens for its own step alone', async () => {
  const { dataDir, clock } = opened;
  await opened.store.close();
  const { rewrapped } = await rekey({ dataDir, clock });
  expect(rewrapped).toBe(2);
  opened = await openTestStore({ dataDir, clock });
  const material = await opened.store.openMaterial(lease);
  expect(material?.expose()).toEqual(value('what the new key is made of').expose());
  const ids = raw.prepare('SELECT DISTINCT material_key_id FROM rotation_runs').pluck().all();
  expect(ids).toEqual([opened.rootKeyId]);
  raw.exec('DROP TRIGGER rotation_runs_keep_their_place');
  raw.exec("UPDATE rotation_runs SET step_id = 'another'");
  await expect(opened.store.openMaterial(lease)).rejects.toMatchObject({
    code: 'database_corrupt',
  });
});
