import { createHmac } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { type Actor, AppError, type AuditVerification } from '../../core/index.js';
import { equalBytes, FIRST_MAC, type SealedHead } from './sealed-head.js';

export interface AuditEntry {
  readonly actor: Actor;
  readonly action: string;
  readonly secret?: string;
  readonly environment?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditLog {
  /** Adds a row; call it inside the transaction of what it records. */
  append(entry: AuditEntry): void;
  /** The newest row; number 0 before the first. */
  newest(): { readonly seq: number; readonly mac: Uint8Array };
  verify(): Promise<AuditVerification>;
}

export interface StoredAuditRow {
  readonly seq: number;
  readonly at_ms: number;
  readonly actor_type: string;
  readonly actor_id: string;
  readonly actor_name: string;
  readonly action: string;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly detail: string;
  readonly key_id: string;
  readonly mac: Uint8Array;
}

const VERIFY_SLICE_ROWS = 5_000;

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
  const slice = database.prepare<[number, number], StoredAuditRow>(
    'SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
  );

  const rowMac = (
    row: Omit<StoredAuditRow, 'mac'>,
    previous: Uint8Array,
  ): Uint8Array | undefined => {
    const key = head.keys.find(({ id }) => id === row.key_id)?.key;
    if (key === undefined) return undefined;
    const { seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment } = row;
    const fields = [seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment];
    // A JSON array of numbers, strings and nulls is one text for one list of fields.
    const text = JSON.stringify(['audit', databaseId, row.key_id, ...fields, row.detail]);
    return createHmac('sha256', key).update(previous).update(text, 'utf8').digest();
  };
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

    async verify() {
      let seq = 0;
      let mac: Uint8Array = FIRST_MAC;
      for (;;) {
        const rows = slice.all(seq, VERIFY_SLICE_ROWS);
        for (const row of rows) {
          const expected = row.seq === seq + 1 ? rowMac(row, mac) : undefined;
          if (expected === undefined || !equalBytes(expected, row.mac)) {
            return { ok: false, rows: seq, firstBroken: row.seq };
          }
          seq = row.seq;
          mac = row.mac;
        }
        if (rows.length < VERIFY_SLICE_ROWS) break;
        await nextTurn();
      }
      const found = head.read();
      const fits =
        found.state === 'sealed' && found.head.seq === seq && equalBytes(found.head.rowMac, mac);
      return fits ? { ok: true, rows: seq } : { ok: false, rows: seq, firstBroken: seq + 1 };
    },
  };
}
