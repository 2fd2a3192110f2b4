import type { Alert, AlertKind, AlertUrgency } from './alert.js';

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
        /** PEM, instead of the system's own. */
        readonly ca: string | null;
      }
    | {
        readonly kind: 'slack';
        /** The incoming webhook's address is the secret. */
        readonly urlSecret: string;
        /** `@channel` for what is urgent. */
        readonly mentionChannel: boolean;
        /** For what is compatible with Slack, and runs here. */
        readonly allowPrivateNetwork: boolean;
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
  readonly createdAtMs: number;
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
  readonly sentAtMs: number | null;
  /** Given up; null otherwise. */
  readonly failedAtMs: number | null;
  readonly problem: string | null;
}

const TITLES: Readonly<Record<NotificationEvent, string>> = {
  rotation_succeeded: 'Rotated',
  rotation_failed: 'Rotation failed',
  rotation_needs_attention: 'Rotation needs attention',
  rotation_rolled_back: 'Rotation rolled back',
  rotation_awaiting_value: 'Rotation waits for a value',
  rotation_upcoming: 'Rotation is due',
  cutover_rolled_back: 'Cutover rolled back',
  cutover_held: 'Cutover stands still',
  secret_overdue: 'Overdue',
  secret_unused: 'Unused',
  version_expiring: 'Expires',
  credential_refused: 'Credential refused',
  key_used_elsewhere: 'Old key still in use',
  echo_hit: 'Credential in a response',
  rows_altered: 'Database altered by another program',
  test: 'Test message',
};

/** What happened, in a few words, and about what. */
export function titleOf(
  event: NotificationEvent,
  { secret, environment }: { readonly secret: string | null; readonly environment: string | null },
): string {
  const about = [secret, environment].filter((part) => part !== null).join(' in ');
  return about === '' ? TITLES[event] : `${TITLES[event]}: ${about}`;
}

/** The event of an alert. */
function eventOf(kind: AlertKind): NotificationEvent {
  return kind === 'rotation_due' ? 'rotation_upcoming' : kind;
}

/** What channels are told of an alert. */
export function messageOf(alert: Alert, atMs: number): NotificationMessage {
  const { id, kind, subject, urgency, secret, environment, summary, whatToDo, command } = alert;
  const event = eventOf(kind);
  const title = titleOf(event, alert);
  const about = { secret, environment, title, summary, whatToDo, command };
  return { event, subject, urgency, alertId: id, ...about, atMs };
}
