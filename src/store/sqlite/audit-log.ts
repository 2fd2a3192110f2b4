import type { Database } from 'better-sqlite3';
import {
  type Actor,
  AppError,
  type AuditPosition,
  type AuditVerification,
} from '../../core/index.js';
import { type AuditChain, createAuditChain } from './audit-chain.js';
import { createAuditRowMac, type StoredAuditRow } from './audit-row.js';
import { type AuditAnchor, FIRST_MAC, type SealedHead } from './sealed-head.js';
import { verifyAudit } from './verify-audit.js';

export interface AuditEntry {
  readonly actor: Actor;
  readonly action: string;
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditLog {
  /** Adds a row; call it inside the transaction of what it records. */
  append(entry: AuditEntry): void;
  /** The newest row; number 0 before the first. */
  newest(): { readonly seq: number; readonly mac: Uint8Array };
  verify(checkpoint: AuditPosition | undefined): Promise<AuditVerification>;
  readonly chain: AuditChain;
  /** Where the log begins. */
  anchor(): AuditAnchor;
  /** Removes the rows up to `anchor`, inside the transaction that has recorded it: the newest stays. */
  removeThrough(anchor: AuditAnchor): void;
}

/** The audit log of one database: each row's mac covers the row and the mac before it. */
export function createAuditLog(
  database: Database,
  databaseId: string,
  head: SealedHead,
  now: () => number,
): AuditLog {
  const last = database.prepare<[], { seq: number; mac: Uint8Array }>(
    'SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1',
  );
  const insert = database.prepare<StoredAuditRow>(
    `INSERT INTO audit (seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment,
       detail, key_id, mac)
     VALUES (@seq, @at_ms, @actor_type, @actor_id, @actor_name, @action, @secret, @environment,
       @detail, @key_id, @mac)`,
  );
  const remove = database.prepare<[number]>('DELETE FROM audit WHERE seq <= ?');
  const rowMac = createAuditRowMac(databaseId, () => head.keys);
  const chain = createAuditChain(database, rowMac);
  const newest = (): { seq: number; mac: Uint8Array } => last.get() ?? { seq: 0, mac: FIRST_MAC };

  return {
    append({ actor, action, secret, environment, detail }) {
      const key = head.keys.at(-1);
      if (key === undefined) throw new AppError('sealed', 'The store is not unlocked yet.');
      const before = newest();
      const row = {
        seq: before.seq + 1,
        at_ms: now(),
        actor_type: actor.type,
        actor_id: actor.id,
        actor_name: actor.name,
        action,
        secret: secret ?? null,
        environment: environment ?? null,
        detail: JSON.stringify(detail ?? {}),
        key_id: key.id,
      };
      const mac = rowMac(row, before.mac);
      if (mac === undefined) throw new AppError('sealed', 'The store is not unlocked yet.');
      insert.run({ ...row, mac });
    },
    newest,
    verify: (checkpoint) => verifyAudit(database, chain, head, checkpoint),
    chain,
    anchor: () => head.anchor(),
    removeThrough(anchor) {
      head.moveAnchor(anchor);
      remove.run(anchor.seq);
    },
  };
}
