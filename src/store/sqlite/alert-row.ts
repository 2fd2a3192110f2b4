import { ALERT_URGENCIES, type Alert, type AlertKind } from '../../core/index.js';

export interface AlertRow {
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  /** Place in `ALERT_URGENCIES`. */
  readonly urgency: number;
  readonly secret_id: string | null;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly version: number | null;
  readonly route: string | null;
  readonly client: string | null;
  readonly cutover: string | null;
  readonly summary: string;
  readonly what_to_do: string;
  readonly command: string;
  readonly since_ms: number;
  readonly last_seen_at_ms: number;
  readonly count: number;
  readonly acknowledged_at_ms: number | null;
  readonly acknowledged_by: string | null;
  readonly note: string | null;
  readonly closed_at_ms: number | null;
  readonly closed_because: string | null;
}

export function toAlert(row: AlertRow): Alert {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    urgency: ALERT_URGENCIES[row.urgency] ?? 'urgent',
    secret: row.secret,
    environment: row.environment,
    version: row.version,
    route: row.route,
    client: row.client,
    cutover: row.cutover,
    summary: row.summary,
    whatToDo: row.what_to_do,
    command: row.command,
    sinceMs: row.since_ms,
    lastSeenAtMs: row.last_seen_at_ms,
    count: row.count,
    acknowledgedAtMs: row.acknowledged_at_ms,
    acknowledgedBy: row.acknowledged_by,
    note: row.note,
    closedAtMs: row.closed_at_ms,
    closedBecause: row.closed_because,
  };
}
