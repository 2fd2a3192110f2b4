import type { Actor, AuditFilter, AuditPosition, AuditRow, Page } from '../../core/index.js';
import type { StoredAuditRow } from './audit-row.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import { createAuditSearch } from './search-audit.js';
import type { Session } from './session.js';

export function auditCommands({ database, audit, write, read }: Session) {
  const search = createAuditSearch(database);
  return {
    listAudit(filter: AuditFilter): Page<AuditRow> {
      const limit = pageLimit(filter);
      const after = decodeCursor(filter.cursor, 'number');
      return toPage(
        read(() => search.find(filter, after, limit + 1)),
        limit,
        (row) => row.seq,
        (shown) => shown.map(toAuditRow),
      );
    },

    verifyAudit: (checkpoint: AuditPosition | undefined) => audit.verify(checkpoint),

    auditPosition: (): AuditPosition & { rows: number } =>
      read(() => {
        const { seq, mac } = audit.newest();
        return { seq, mac: toBase64url(mac), rows: seq - audit.anchor().seq };
      }),

    recordAudit(row: {
      actor: Actor;
      action: string;
      secret?: string | undefined;
      environment?: string | undefined;
      detail: Readonly<Record<string, unknown>>;
    }): void {
      write(() => audit.append(row));
    },
  };
}

/** The last moment that a date can say (ECMA-262, section 21.4.1.1). */
const LAST_MOMENT_MS = 8.64e15;

/** A row that another program altered is shown as far as it can be read; `verifyAudit` says that it was. */
function toAuditRow(row: StoredAuditRow): AuditRow {
  return {
    seq: row.seq,
    atMs: Math.min(Math.max(Number(row.at_ms) || 0, -LAST_MOMENT_MS), LAST_MOMENT_MS),
    actor: { type: row.actor_type, id: row.actor_id, name: row.actor_name },
    action: row.action,
    secret: row.secret,
    environment: row.environment,
    detail: readDetail(row.detail),
    keyId: row.key_id,
    mac: toBase64url(row.mac),
  };
}

function readDetail(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text);
  } catch {
    return { unreadable: true };
  }
}

function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
