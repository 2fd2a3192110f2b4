import { createHmac, timingSafeEqual } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { type Actor, AppError, type AuditVerification } from '../../core/index.js';

/** A key of the audit log as the store uses it. */
export interface AuditLogKey {
  readonly id: string;
  readonly key: Uint8Array;
}

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
  verify(): Promise<AuditVerification>;
  /** Without keys rows can be neither written nor checked. */
  unlock(keys: readonly AuditLogKey[]): void;
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
const FIRST_MAC = new Uint8Array(32);

/** The audit log of one database: each row's mac covers the row and the mac before it. */
export function createAuditLog(
  database: Database,
  databaseId: string,
  now: () => number,
): AuditLog {
  let keys: readonly AuditLogKey[] = [];
  const last = database.prepare<[], { seq: number; mac: Uint8Array }>(
    'SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1',
  );
  const insert = database.prepare<StoredAuditRow>(
    `INSERT INTO audit (seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment,
       detail, key_id, mac)
     VALUES (@seq, @at_ms, @actor_type, @actor_id, @actor_name, @action, @secret, @environment,
       @detail, @key_id, @mac)`,
  );
  const saveHead = database.prepare<[number, Uint8Array]>(
    `INSERT INTO audit_head (only, seq, mac) VALUES (1, ?, ?)
     ON CONFLICT (only) DO UPDATE SET seq = excluded.seq, mac = excluded.mac`,
  );
  const readHead = database.prepare<[], { seq: number; mac: Uint8Array }>(
    'SELECT seq, mac FROM audit_head',
  );
  const slice = database.prepare<[number, number], StoredAuditRow>(
    'SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
  );

  const rowMac = (
    row: Omit<StoredAuditRow, 'mac'>,
    previous: Uint8Array,
  ): Uint8Array | undefined => {
    const key = keys.find(({ id }) => id === row.key_id)?.key;
    if (key === undefined) return undefined;
    const { seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment } = row;
    const fields = [seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment];
    // A JSON array of numbers, strings and nulls is one text for one list of fields.
    const text = JSON.stringify(['audit', databaseId, row.key_id, ...fields, row.detail]);
    return createHmac('sha256', key).update(previous).update(text, 'utf8').digest();
  };
  const headMac = (seq: number, mac: Uint8Array, key: Uint8Array): Uint8Array =>
    createHmac('sha256', key).update(`head ${databaseId} ${seq} `, 'utf8').update(mac).digest();

  return {
    append({ actor, action, secret, environment, detail }) {
      const key = keys.at(-1);
      if (key === undefined) throw new AppError('sealed', 'The store is not unlocked yet.');
      const before = last.get();
      const row = {
        seq: (before?.seq ?? 0) + 1,
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
      const mac = rowMac(row, before?.mac ?? FIRST_MAC);
      if (mac === undefined) throw new AppError('sealed', 'The store is not unlocked yet.');
      insert.run({ ...row, mac });
      saveHead.run(row.seq, headMac(row.seq, mac, key.key));
    },

    async verify() {
      let seq = 0;
      let mac: Uint8Array = FIRST_MAC;
      let keyId: string | undefined;
      for (;;) {
        const rows = slice.all(seq, VERIFY_SLICE_ROWS);
        for (const row of rows) {
          const expected = row.seq === seq + 1 ? rowMac(row, mac) : undefined;
          if (expected === undefined || !equal(expected, row.mac)) {
            return { ok: false, rows: seq, firstBroken: row.seq };
          }
          seq = row.seq;
          mac = row.mac;
          keyId = row.key_id;
        }
        if (rows.length < VERIFY_SLICE_ROWS) break;
        await nextTurn();
      }
      const head = readHead.get();
      const key = keys.find(({ id }) => id === keyId)?.key;
      const fits =
        key === undefined
          ? head === undefined
          : head?.seq === seq && equal(headMac(seq, mac, key), head.mac);
      return fits ? { ok: true, rows: seq } : { ok: false, rows: seq, firstBroken: seq + 1 };
    },

    unlock(opened) {
      keys = opened;
    },
  };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
