import {
  type Actor,
  ALERT_URGENCIES,
  type Alert,
  type AlertCount,
  type AlertFilter,
  type AlertFinding,
  type AlertKind,
  type AlertScope,
  AppError,
  type Page,
  STAYING_ALERT_KINDS,
} from '../../core/index.js';
import type { AlertBook } from './alert-book.js';
import { type AlertRow, toAlert } from './alert-row.js';
import { allOf, beginsWith, type Condition } from './condition.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

const YEAR_MS = 365 * 86_400_000;
const STAYING = JSON.stringify(STAYING_ALERT_KINDS);

export function alertCommands({ database, audit, now, write }: Session, book: AlertBook) {
  const resolve = database.prepare<{ id: string; atMs: number; because: string; staying: string }>(
    `UPDATE alerts SET closed_at_ms = @atMs, closed_because = @because
     WHERE id = @id AND closed_at_ms IS NULL AND kind NOT IN (SELECT value FROM json_each(@staying))`,
  );
  const byId = database.prepare<[string], AlertRow>('SELECT * FROM alerts WHERE id = ?');
  const acknowledge = database.prepare<AlertRow>(
    `UPDATE alerts SET acknowledged_at_ms = @acknowledged_at_ms, acknowledged_by = @acknowledged_by,
       note = @note, closed_at_ms = @closed_at_ms, closed_because = @closed_because WHERE id = @id`,
  );
  const counts = database.prepare<[], { kind: AlertKind; count: number }>(
    'SELECT kind, sum(open) AS count FROM alert_counts GROUP BY kind HAVING sum(open) > 0',
  );
  const closeGone = database.prepare<{ atMs: number; because: string; staying: string }>(
    `UPDATE alerts AS a SET closed_at_ms = @atMs, closed_because = @because
     WHERE closed_at_ms IS NULL AND secret_id IS NOT NULL
       AND kind NOT IN (SELECT value FROM json_each(@staying))
       AND NOT EXISTS (SELECT 1 FROM secret_environments AS e
         WHERE e.secret_id = a.secret_id AND e.environment = a.environment
           AND e.current_version IS NOT NULL)`,
  );
  const forget = database.prepare<[number]>('DELETE FROM alerts WHERE closed_at_ms < ?');

  return {
    raiseAlerts(findings: readonly AlertFinding[]): void {
      if (findings.length === 0) return;
      write(() => findings.forEach(book.raise));
    },

    resolveAlerts({ ids, because }: { ids: readonly string[]; because: string }): void {
      if (ids.length === 0) return;
      const atMs = now();
      write(() => {
        for (const id of ids) resolve.run({ id, atMs, because, staying: STAYING });
      });
    },

    acknowledgeAlert(command: { actor: Actor; id: string; note?: string | undefined }): Alert {
      const { actor, id, note } = command;
      return write(() => {
        const row = byId.get(id);
        if (row === undefined) throw new AppError('not_found', 'There is no alert with this id.');
        if (row.acknowledged_at_ms !== null) return toAlert(row);
        if (row.closed_at_ms !== null) {
          throw new AppError('conflict', `The alert is closed: ${row.closed_because ?? ''}.`);
        }
        const stays = STAYING_ALERT_KINDS.includes(row.kind);
        const seen: AlertRow = {
          ...row,
          acknowledged_at_ms: now(),
          acknowledged_by: actor.name,
          note: note ?? null,
          closed_at_ms: stays ? now() : null,
          closed_because: stays ? 'it was acknowledged' : null,
        };
        acknowledge.run(seen);
        const { kind, secret, environment } = row;
        audit.append({
          actor,
          action: 'alert.acknowledge',
          ...(secret === null ? {} : { secret }),
          ...(environment === null ? {} : { environment }),
          detail: { alert: id, kind, ...(note === undefined ? {} : { note }) },
        });
        return toAlert(seen);
      });
    },

    getAlert(id: string): Alert | undefined {
      const row = byId.get(id);
      return row === undefined ? undefined : toAlert(row);
    },

    listAlerts(filter: AlertFilter): Page<Alert> {
      const limit = pageLimit(filter);
      const { sql, values } = allOf(conditionsOf(filter));
      const rows = database
        .prepare<unknown[], AlertRow>(
          `SELECT * FROM alerts ${filter.open === true ? 'INDEXED BY alerts_open_by_id' : ''}
           WHERE ${sql} ORDER BY id DESC LIMIT ?`,
        )
        .all(...values, limit + 1);
      return toPage(
        rows,
        limit,
        (row) => row.id,
        (shown) => shown.map(toAlert),
      );
    },

    openAlertCounts: (): Map<AlertKind, number> =>
      new Map(counts.all().map(({ kind, count }) => [kind, count])),

    unseenAlertCounts(scope: AlertScope): AlertCount[] {
      // Counts are kept by environment, not by secret.
      const [unseen, table, filter] =
        scope.secretPrefix === undefined
          ? ['sum(unseen)', 'alert_counts', scope]
          : [
              'count(*)',
              'alerts INDEXED BY alerts_unseen_by_secret',
              { ...scope, open: true, acknowledged: false },
            ];
      const { sql, values } = allOf(conditionsOf(filter));
      return database
        .prepare<unknown[], { kind: AlertKind; urgency: number; count: number }>(
          `SELECT kind, urgency, ${unseen} AS count FROM ${table} WHERE ${sql}
           GROUP BY urgency, kind HAVING ${unseen} > 0 ORDER BY urgency DESC, kind`,
        )
        .all(...values)
        .map(({ urgency, ...row }) => ({ ...row, urgency: ALERT_URGENCIES[urgency] ?? 'urgent' }));
    },

    tidyAlerts(): void {
      const atMs = now();
      const because = 'the secret has no current version there any more';
      write(() => {
        closeGone.run({ atMs, because, staying: STAYING });
        forget.run(atMs - YEAR_MS);
      });
    },
  };
}

function conditionsOf(filter: AlertFilter): Condition[] {
  const conditions: Condition[] = [];
  const add = (sql: string, ...values: unknown[]): void => void conditions.push({ sql, values });
  const isNull = (column: string, whether: boolean): void =>
    add(`${column} IS ${whether ? '' : 'NOT '}NULL`);
  const before = decodeCursor(filter.cursor, 'string');
  if (before !== undefined) add('id < ?', before);
  if (filter.kind !== undefined) add('kind = ?', filter.kind);
  if (filter.urgency !== undefined) {
    add('urgency = ?', ALERT_URGENCIES.indexOf(filter.urgency));
  }
  if (filter.open !== undefined) isNull('closed_at_ms', filter.open);
  if (filter.acknowledged !== undefined) isNull('acknowledged_at_ms', !filter.acknowledged);
  if (filter.secret !== undefined) add('secret = ?', filter.secret);
  if (filter.environment !== undefined) add('environment = ?', filter.environment);
  if (filter.environments !== undefined) {
    add('environment IN (SELECT value FROM json_each(?))', JSON.stringify(filter.environments));
  }
  if (filter.secretPrefix !== undefined) conditions.push(beginsWith('secret', filter.secretPrefix));
  return conditions;
}
