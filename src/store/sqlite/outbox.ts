import {
  ALERT_URGENCIES,
  type ChannelSettings,
  type Delivery,
  type NotificationMessage,
} from '../../core/index.js';
import type { Session } from './session.js';

export interface ChannelRow {
  readonly id: string;
  readonly name: string;
  readonly settings: string;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly last_sent_at_ms: number | null;
  readonly last_failed_at_ms: number | null;
  readonly last_problem: string | null;
}

export interface DeliveryRow {
  readonly id: string;
  readonly channel_id: string;
  readonly event: string;
  readonly subject: string;
  /** Place in `ALERT_URGENCIES`. */
  readonly urgency: number;
  readonly message: string;
  readonly created_at_ms: number;
  readonly attempts: number;
  readonly next_attempt_at_ms: number;
  readonly holder: string | null;
  readonly held_until_ms: number | null;
  readonly sent_at_ms: number | null;
  readonly failed_at_ms: number | null;
  readonly problem: string | null;
}

/** Where commands put what is to be told, in their own transaction. */
export interface Outbox {
  /** For every channel that wants it, unless it was told the same about the same within its cooldown. */
  enqueue(message: NotificationMessage): void;
  /** For this channel, whatever it wants. */
  enqueueFor(channelId: string, message: NotificationMessage): Delivery;
}

const MINUTE_MS = 60_000;

export function createOutbox({ database, ledger, newId, now }: Session): Outbox {
  const channels = database.prepare<[], ChannelRow>('SELECT * FROM channels ORDER BY id');
  const told = database.prepare<
    { channelId: string; event: string; subject: string; sinceMs: number; urgency: number },
    { found: number }
  >(
    `SELECT 1 AS found FROM deliveries
     WHERE channel_id = @channelId AND event = @event AND subject = @subject
       AND created_at_ms > @sinceMs AND urgency >= @urgency AND failed_at_ms IS NULL LIMIT 1`,
  );
  const insert = database.prepare<DeliveryRow>(
    `INSERT INTO deliveries VALUES (@id, @channel_id, @event, @subject, @urgency, @message,
       @created_at_ms, @attempts, @next_attempt_at_ms, @holder, @held_until_ms, @sent_at_ms,
       @failed_at_ms, @problem)`,
  );

  const keep = (channelId: string, message: NotificationMessage): DeliveryRow => {
    const row: DeliveryRow = {
      id: newId(),
      channel_id: channelId,
      event: message.event,
      subject: message.subject,
      urgency: ALERT_URGENCIES.indexOf(message.urgency),
      message: JSON.stringify(message),
      created_at_ms: now(),
      attempts: 0,
      next_attempt_at_ms: now(),
      holder: null,
      held_until_ms: null,
      sent_at_ms: null,
      failed_at_ms: null,
      problem: null,
    };
    insert.run(row);
    return row;
  };

  return {
    enqueue(message) {
      const urgency = ALERT_URGENCIES.indexOf(message.urgency);
      for (const row of channels.all()) {
        if (!ledger.holds('channels', row)) continue;
        const settings = JSON.parse(row.settings) as ChannelSettings;
        if (settings.events !== null && !settings.events.includes(message.event)) continue;
        if (urgency < ALERT_URGENCIES.indexOf(settings.leastUrgency)) continue;
        const { event, subject } = message;
        const sinceMs = now() - settings.cooldownMinutes * MINUTE_MS;
        const about = { channelId: row.id, event, subject, sinceMs, urgency };
        if (told.get(about) === undefined) keep(row.id, message);
      }
    },
    enqueueFor: (channelId, message) => toDelivery(keep(channelId, message)),
  };
}

export function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    channelId: row.channel_id,
    message: JSON.parse(row.message) as NotificationMessage,
    createdAtMs: row.created_at_ms,
    attempts: row.attempts,
    nextAttemptAtMs: row.next_attempt_at_ms,
    sentAtMs: row.sent_at_ms,
    failedAtMs: row.failed_at_ms,
    problem: row.problem,
  };
}
