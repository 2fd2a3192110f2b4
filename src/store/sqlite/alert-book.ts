import { ALERT_URGENCIES, type AlertFinding, type AlertKind, messageOf } from '../../core/index.js';
import { type AlertRow, toAlert } from './alert-row.js';
import type { Outbox } from './outbox.js';
import type { Session } from './session.js';

/** Where commands open and close alerts in their own transaction. */
export interface AlertBook {
  /** Channels are told where it is new, or has become more urgent. */
  raise(finding: AlertFinding): void;
  /** Closes those of these kinds that are open about the subject. */
  settle(subject: string, kinds: readonly AlertKind[], because: string): void;
}

export function createAlertBook({ database, newId, now }: Session, outbox: Outbox): AlertBook {
  const raise = database.prepare<
    Omit<
      AlertRow,
      'acknowledged_at_ms' | 'acknowledged_by' | 'note' | 'closed_at_ms' | 'closed_because'
    >
  >(
    `INSERT INTO alerts VALUES (@id, @kind, @subject, @urgency, @secret_id, @secret, @environment, @version,
       @route, @client, @cutover, @summary, @what_to_do, @command, @since_ms, @last_seen_at_ms, @count,
       NULL, NULL, NULL, NULL, NULL)
     ON CONFLICT (kind, subject) WHERE closed_at_ms IS NULL DO UPDATE SET
       acknowledged_at_ms = CASE WHEN excluded.urgency > urgency THEN NULL ELSE acknowledged_at_ms END,
       acknowledged_by = CASE WHEN excluded.urgency > urgency THEN NULL ELSE acknowledged_by END,
       note = CASE WHEN excluded.urgency > urgency THEN NULL ELSE note END,
       urgency = excluded.urgency, version = excluded.version, client = excluded.client,
       summary = excluded.summary, what_to_do = excluded.what_to_do, command = excluded.command,
       since_ms = min(since_ms, excluded.since_ms),
       last_seen_at_ms = max(last_seen_at_ms, excluded.last_seen_at_ms),
       count = count + excluded.count`,
  );
  const open = database.prepare<[string, string], AlertRow>(
    'SELECT * FROM alerts WHERE kind = ? AND subject = ? AND closed_at_ms IS NULL',
  );
  const settle = database.prepare<{ atMs: number; because: string; subject: string; kind: string }>(
    `UPDATE alerts SET closed_at_ms = @atMs, closed_because = @because
     WHERE kind = @kind AND subject = @subject AND closed_at_ms IS NULL`,
  );

  return {
    raise(finding) {
      const before = open.get(finding.kind, finding.subject);
      const urgency = ALERT_URGENCIES.indexOf(finding.urgency);
      raise.run({
        id: newId(),
        kind: finding.kind,
        subject: finding.subject,
        urgency,
        secret_id: finding.secretId ?? null,
        secret: finding.secret ?? null,
        environment: finding.environment ?? null,
        version: finding.version ?? null,
        route: finding.route ?? null,
        client: finding.client ?? null,
        cutover: finding.cutover ?? null,
        summary: finding.summary,
        what_to_do: finding.whatToDo,
        command: finding.command,
        since_ms: finding.sinceMs,
        last_seen_at_ms: now(),
        count: finding.count,
      });
      if (before !== undefined && before.urgency >= urgency) return;
      const row = open.get(finding.kind, finding.subject);
      if (row !== undefined) outbox.enqueue(messageOf(toAlert(row), now()));
    },

    settle(subject, kinds, because) {
      for (const kind of kinds) settle.run({ atMs: now(), because, subject, kind });
    },
  };
}
