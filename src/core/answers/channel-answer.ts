import type { ChannelSettings, NotificationEvent } from '../notification.js';

/** A channel as the admin API shows it. */
export interface ChannelAnswer {
  readonly id: string;
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastSentAt: string | null;
  readonly lastFailedAt: string | null;
  /** Null after a success. */
  readonly lastProblem: string | null;
  readonly waiting: number;
}

/** A message on its way to a channel, as the admin API shows it. */
export interface DeliveryAnswer {
  readonly id: string;
  readonly channel: string | null;
  readonly event: NotificationEvent;
  readonly title: string;
  readonly createdAt: string;
  readonly attempts: number;
  readonly state: 'waiting' | 'sent' | 'given_up';
  readonly nextAttemptAt: string | null;
  readonly sentAt: string | null;
  readonly problem: string | null;
}
