import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { AuditFinding, AuditPosition, AuditVerification } from '../../core/index.js';
import type { AuditChain } from './audit-chain.js';
import { type AuditAnchor, equalBytes, FIRST_MAC, type SealedHead } from './sealed-head.js';

const SLICE_ROWS = 5_000;

/**
 * Looks at every row, from the oldest on, while others go on writing: each slice is one state of the database. What
 * is pruned meanwhile counts as seen.
 */
export async function verifyAudit(
  database: Database,
  chain: AuditChain,
  head: SealedHead,
  checkpoint: AuditPosition | undefined,
): Promise<AuditVerification> {
  let position: AuditAnchor = { seq: 0, mac: FIRST_MAC };
  let prunedThrough = 0;
  let rows = 0;
  let macAtCheckpoint: Uint8Array | undefined;
  const seen = () => ({ rows, ...(prunedThrough === 0 ? {} : { prunedThrough }) });
  const broken = (firstBroken: number, finding: AuditFinding): AuditVerification => ({
    ok: false,
    ...seen(),
    firstBroken,
    finding,
  });
  const pass = (next: AuditAnchor): void => {
    position = next;
    if (next.seq === checkpoint?.seq) macAtCheckpoint = next.mac;
  };
  const step = database.transaction(() => {
    const anchor = head.anchor();
    prunedThrough = anchor.seq;
    const from = anchor.seq > position.seq ? anchor : position;
    return {
      from,
      oldest: chain.oldest(),
      slice: chain.after(from, SLICE_ROWS),
      found: head.read(),
    };
  });

  pass(position);
  for (;;) {
    const { from, oldest, slice, found } = step.deferred();
    if (from !== position) pass(from);
    if (oldest !== undefined && oldest <= prunedThrough) return broken(oldest, 'added');
    for (const row of slice.rows) pass(row);
    rows = position.seq - prunedThrough;
    if (slice.broken !== undefined) return broken(slice.broken.seq, slice.broken.finding);
    if (slice.rows.length === SLICE_ROWS) {
      await nextTurn();
      continue;
    }
    const next = position.seq + 1;
    if (found.state !== 'sealed') return broken(next, 'head_altered');
    if (found.head.seq !== position.seq) return broken(next, 'missing');
    if (!equalBytes(found.head.rowMac, position.mac)) return broken(next, 'head_altered');
    if (checkpoint === undefined) return { ok: true, ...seen() };
    if (checkpoint.seq > position.seq) return broken(next, 'checkpoint_missing');
    if (checkpoint.seq < prunedThrough) {
      return { ok: true, ...seen(), checkpoint: 'pruned' };
    }
    const expected = Buffer.from(checkpoint.mac, 'base64url');
    if (macAtCheckpoint === undefined || !equalBytes(macAtCheckpoint, expected)) {
      return broken(checkpoint.seq, 'checkpoint_differs');
    }
    return { ok: true, ...seen(), checkpoint: 'contained' };
  }
}
