import { createHmac } from 'node:crypto';
import type { AuditLogKey } from './sealed-head.js';

/** A row of the audit log as it is kept. */
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

/** Makes the mac of a row: over the row and the mac before it. Undefined without the key that it names. */
export type AuditRowMac = (
  row: Omit<StoredAuditRow, 'mac'>,
  previous: Uint8Array,
) => Uint8Array | undefined;

export function createAuditRowMac(
  databaseId: string,
  keys: () => readonly AuditLogKey[],
): AuditRowMac {
  return (row, previous) => {
    const key = keys().find(({ id }) => id === row.key_id)?.key;
    if (key === undefined) return undefined;
    const { seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment } = row;
    const fields = [seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment];
    // A JSON array of numbers, strings and nulls is one text for one list of fields.
    const text = JSON.stringify(['audit', databaseId, row.key_id, ...fields, row.detail]);
    return createHmac('sha256', key).update(previous).update(text, 'utf8').digest();
  };
}
