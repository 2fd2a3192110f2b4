import type { AlertKind, AlertUrgency } from './alert.js';

export const NOTIFICATION_EVENTS = [
  'rotation_succeeded',
  'rotation_failed',
  'rotation_needs_attention',
  'rotation_rolled_back',
  'rotation_awaiting_value',
  'rotation_upcoming',
  'cutover_rolled_back',
  'cutover_held',
  'secret_overdue',
  'secret_unused',
  'version_expiring',
  'credential_refused',
  'key_used_elsewhere',
  'echo_hit',
  'rows_altered',
  'test',
] as const;
/** What channels are told of. Each alert kind is one; the others are told of without an alert. */
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

export const CHANNEL_KINDS = ['email', 'slack', 'webhook', 'log'] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

interface ChannelBase {
  /** Null = all. */
  readonly events: readonly NotificationEvent[] | null;
  /** Nothing less urgent is sent. */
  readonly leastUrgency: AlertUrgency;
  /** The same about the same is not sent again sooner, unless it became more urgent. */
  readonly cooldownMinutes: number;
}

/** How a channel is reached. Credentials are names of secrets of `_providers`. */
export type ChannelSettings = ChannelBase &
  (
    | {
        readonly kind: 'email';
        readonly host: string;
        readonly port: number;
        /** `starttls`: required, never skipped; `tls`: from the first byte; `none`: only to loopback. */
        readonly security: 'starttls' | 'tls' | 'none';
        readonly from: string;
        readonly to: readonly string[];
        readonly username: string | null;
        readonly passwordSecret: string | null;
        /** PEM, besides the system's own. */
        readonly ca: string | null;
      }
    | {
        readonly kind: 'slack';
        /** The incoming webhook's address is the secret. */
        readonly urlSecret: string;
        /** `@channel` for what is urgent. */
        readonly mentionChannel: boolean;
      }
    | {
        readonly kind: 'webhook';
        readonly url: string;
        /** Standard Webhooks: `whsec_…`. */
        readonly signingSecret: string;
        readonly allowPrivateNetwork: boolean;
      }
    | { readonly kind: 'log' }
  );

export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Of the newest attempt; null before the first. */
  readonly lastSentAtMs: number | null;
  readonly lastFailedAtMs: number | null;
  /** In a sentence for a person; null after a success. */
  readonly lastProblem: string | null;
}

/** What is told. Names and numbers only. */
export interface NotificationMessage {
  readonly event: NotificationEvent;
  /** What it is about: the same about the same is told once within the cooldown. */
  readonly subject: string;
  readonly urgency: AlertUrgency;
  readonly alertId: string | null;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly title: string;
  readonly summary: string;
  readonly whatToDo: string;
  /** The command that does it, or shows more. */
  readonly command: string;
  readonly atMs: number;
}

/** A message on its way to a channel. */
export interface Delivery {
  readonly id: string;
  readonly channelId: string;
  readonly message: NotificationMessage;
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
  readonly sentAtMs: number | null;
  /** Given up; null otherwise. */
  readonly failedAtMs: number | null;
  readonly problem: string | null;
}

/** The event of an alert. */
export function eventOf(kind: AlertKind): NotificationEvent {
  return kind === 'rotation_due' ? 'rotation_upcoming' : kind;
}
