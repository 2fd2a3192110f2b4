import type { Actor, AuditFilter, AuditRow, Page } from '../../core/index.js';
import type { StoredAuditRow } from './audit-log.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

export function auditCommands({ database, audit, write }: Session) {
  return {
    /** Newest first. */
    listAudit(filter: AuditFilter): Page<AuditRow> {
      const limit = pageLimit(filter);
      const { conditions, values } = conditionsOf(filter);
      const rows = database
        .prepare<unknown[], StoredAuditRow>(
          `SELECT * FROM audit WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
        )
        .all(...values, limit + 1);
      return toPage(
        rows,
        limit,
        (row) => row.seq,
        (shown) => shown.map(toAuditRow),
      );
    },

    verifyAudit: () => audit.verify(),

    recordAudit({
      actor,
      action,
      detail,
    }: {
      actor: Actor;
      action: string;
      detail: Readonly<Record<string, unknown>>;
    }): void {
      write(() => audit.append({ actor, action, detail }));
    },
  };
}

function conditionsOf(filter: AuditFilter): { conditions: string[]; values: unknown[] } {
  const conditions = ['seq < ?'];
  const values: unknown[] = [decodeCursor(filter.cursor, 'number') ?? Number.MAX_SAFE_INTEGER];
  const add = (condition: string, ...own: unknown[]): void => {
    conditions.push(condition);
    values.push(...own);
  };
  const startsWith = (column: string, prefix: string): void =>
    add(`substr(${column}, 1, ?) = ?`, prefix.length, prefix);
  if (filter.action?.endsWith('.')) startsWith('action', filter.action);
  else if (filter.action !== undefined) add('action = ?', filter.action);
  if (filter.secret !== undefined) add('secret = ?', filter.secret);
  if (filter.environment !== undefined) add('environment = ?', filter.environment);
  if (filter.actor !== undefined)
    add('(actor_id = ? OR actor_name = ?)', filter.actor, filter.actor);
  if (filter.sinceMs !== undefined) add('at_ms >= ?', filter.sinceMs);
  if (filter.environments !== undefined) {
    add('environment IN (SELECT value FROM json_each(?))', JSON.stringify(filter.environments));
  }
  if (filter.secretPrefix !== undefined) startsWith('secret', filter.secretPrefix);
  return { conditions, values };
}

function toAuditRow(row: StoredAuditRow): AuditRow {
  return {
    seq: row.seq,
    atMs: row.at_ms,
    actor: { type: row.actor_type, id: row.actor_id, name: row.actor_name },
    action: row.action,
    secret: row.secret,
    environment: row.environment,
    detail: JSON.parse(row.detail),
  };
}
