import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditPosition } from '../../src/core/index.js';
import { inspectDatabase } from '../../src/maintenance/inspect-database.js';
import { AUDIT_COLUMNS, openTamperedLog, type TamperedLog } from '../support/audit-tampering.js';
import { seededRandom } from '../support/seeded-random.js';
import { campaign, judge } from '../torture/campaigns/audit-tampering.js';
import { expectClean } from '../torture/expect-clean.js';

describe('one row of each kind', () => {
  let log: TamperedLog;
  let position: AuditPosition;
  beforeAll(async () => {
    log = await openTamperedLog(1);
    position = await log.opened.store.auditPosition();
  });
  afterAll(() => log.cleanUp());
  const verify = () => log.opened.store.verifyAudit(position);

  test('whichever byte of whichever column is flipped, its row is named', async () => {
    const random = seededRandom(5);
    let flips = 0;
    expect(log.rows.length).toBeGreaterThan(14);
    for (const [index, row] of log.rows.entries()) {
      for (const column of AUDIT_COLUMNS) {
        const before = row[column];
        if (column === 'seq' || before === null) continue;
        for (let at = 0; at < before.byteLength; at++) {
          const bytes = Buffer.from(before);
          bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
          log.set(index + 1, column, bytes);
          expect(judge(await verify(), index + 1), `${column} ${at} of row ${index + 1}`).toBe(
            undefined,
          );
          log.set(index + 1, column, before);
          flips++;
        }
      }
    }
    expect(flips).toBeGreaterThan(2_000);
    expect(await verify()).toMatchObject({ ok: true, checkpoint: 'contained' });
  });

  test('bytes that read as the same text are other bytes', async () => {
    const index = log.rows.findIndex((row) => row.actor_name?.includes('\ufffd'));
    const before = log.rows[index]?.actor_name ?? Buffer.alloc(0);
    const at = before.indexOf('\ufffd');
    for (const same of ['f0bfbd', 'ff', 'c0']) {
      const bytes = Buffer.concat([
        before.subarray(0, at),
        Buffer.from(same, 'hex'),
        before.subarray(at + 3),
      ]);
      expect(bytes.toString('utf8')).toBe(before.toString('utf8'));
      log.set(index + 1, 'actor_name', bytes);
      expect(judge(await verify(), index + 1), same).toBe(undefined);
    }
    log.set(index + 1, 'actor_name', before);
  });

  test('a tail that was cut with the head of then is found against a checkpoint, and only so', async () => {
    const { store } = log.opened;
    for (const cut of [...log.heads.keys()].slice(0, -1)) {
      log.write(log.rows.slice(0, cut));
      log.putHead(cut);
      expect(await store.verifyAudit()).toEqual({ ok: true, rows: cut });
      expect(await verify()).toEqual({
        ok: false,
        rows: cut,
        firstBroken: cut + 1,
        finding: 'checkpoint_missing',
      });
    }
    log.putHead(8);
    log.write(log.rows.slice(0, 8));
    // The log goes on from there: it is whole, and another one.
    for (let seq = 9; seq <= log.rows.length + 2; seq++) {
      const actor = { type: 'admin', id: 'x', name: 'x' } as const;
      await store.recordAudit({ actor, action: 'other', detail: {} });
    }
    expect(await store.verifyAudit()).toMatchObject({ ok: true });
    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: position.seq,
      finding: 'checkpoint_differs',
    });
  });
});

test('bytes of the file itself, where the rows lie, are flipped: reading fails or the row is named', async () => {
  const log = await openTamperedLog(2);
  const { dataDir, clock } = log.opened;
  const file = join(dataDir, 'keyferry.db');
  await log.opened.store.close();
  const macs = log.rows.map(({ mac }) => mac);
  log.close();
  const bytes = await readFile(file);
  const handle = await open(file, 'r+');
  const random = seededRandom(9);
  const findings: string[] = [];
  for (let flip = 0; flip < 40; flip++) {
    const seq = 1 + Math.floor(random() * macs.length);
    // A page that became an inner one keeps what it held before; the row itself lies on a later page.
    const end = bytes.lastIndexOf(macs[seq - 1] ?? '');
    expect(end).toBeGreaterThan(0);
    // From the head of the record (where the mac of a row ends, the next begins) into the mac.
    const at = end + 31 - Math.floor(random() * 150);
    const flipped = Buffer.of((bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255)));
    await handle.write(flipped, 0, 1, at);
    const found = await inspectDatabase({ dataDir, clock }).then(
      ({ store, database }) =>
        store
          .verifyAudit()
          .then(
            ({ ok, firstBroken = 0 }) => (ok ? 'nothing' : `row ${firstBroken}`),
            (error: { code: string }) => error.code,
          )
          .finally(() => database.close()),
      (error: { code: string }) => error.code,
    );
    if (found === 'nothing' || !/^row|^database_corrupt$/.test(found)) {
      findings.push(`byte ${at} at row ${seq}: ${found}`);
    }
    await handle.write(bytes, at, 1, at);
  }
  await handle.close();
  await log.cleanUp();
  expect(findings).toEqual([]);
});

test('whatever is done to rows among hundreds, it is found and the first row named', () =>
  expectClean(campaign, 300, 3));
