import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AuditCheckpoint, checkpointText } from '../../src/core/index.js';
import { verifySignature } from '../../src/crypto/index.js';
import { keepAudit } from '../../src/keep-audit.js';
import { createLog } from '../../src/telemetry/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.cleanUp());

/** What one look leaves in the program log. */
async function lookOnce(retentionDays: number): Promise<Record<string, unknown>[]> {
  const pieces: Buffer[] = [];
  const log = createLog('info', {
    write: (bytes) => pieces.push(Buffer.from(bytes)),
  });
  const { store, signer, clock } = opened;
  const keeping = keepAudit({ store, signer, clock, log, retentionDays });
  await opened.store.auditPosition();
  await keeping.close();
  log.close();
  return Buffer.concat(pieces)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a start states in the program log what the audit log is, signed', async () => {
  await opened.store.recordAudit({ actor, action: 'a', detail: {} });
  const [line] = await lookOnce(30);
  expect(line).toMatchObject({ event: 'audit_checkpoint', seq: 1, rows: 1 });
  const checkpoint = line as unknown as AuditCheckpoint;
  const { signature, publicKey } = checkpoint;
  expect(verifySignature(checkpointText(checkpoint), signature, publicKey)).toBe(true);
  expect(publicKey).toBe(opened.signer.publicKey);
});

test('rows that are old enough are pruned, and the log says how many', async () => {
  for (let i = 0; i < 3; i++) await opened.store.recordAudit({ actor, action: 'a', detail: {} });
  for (let week = 0; week < 5; week++) {
    await lookOnce(30);
    opened.clock.advance(7 * 86_400_000);
  }
  await opened.store.recordAudit({ actor, action: 'b', detail: {} });
  expect((await lookOnce(30)).map(({ event }) => event)).toEqual(['audit_checkpoint']);
  opened.clock.advance(7 * 86_400_000);
  const [pruned, checkpoint] = await lookOnce(30);
  expect(pruned).toMatchObject({ event: 'audit_pruned', rows: 3 });
  expect(checkpoint).toMatchObject({ event: 'audit_checkpoint', seq: 5, rows: 2 });
});
