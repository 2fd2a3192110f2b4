/** Tells people what needs them: the notifier, with the store, log and metrics of this server. */
import { createNotifier, type Notifier } from './alerts/index.js';
import type { Clock, Outbound, Store } from './core/index.js';
import type { Log, Metrics } from './telemetry/index.js';

export interface SendNotificationsOptions {
  readonly store: Store;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Where people reach the console; undefined = messages have no link. */
  readonly consoleUrl: string | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Begins at once. */
export function sendNotifications(options: SendNotificationsOptions): Notifier {
  const { log, metrics, ...rest } = options;
  return createNotifier({
    ...rest,
    log({ event: about, urgency, subject, title, summary, whatToDo, command }) {
      const write = urgency === 'notice' ? log.info : log.warn;
      write('notification', { about, urgency, subject, title, summary, whatToDo, command });
    },
    onAttempt(outcome, { id, channelId, attempts, message }) {
      metrics.notification(outcome);
      if (outcome === 'sent') return;
      const facts = { delivery: id, channel: channelId, about: message.event, attempts };
      log.warn(`notification_${outcome}`, facts);
    },
    onError: (error) => log.error('notifications_not_sent', error),
  });
}
