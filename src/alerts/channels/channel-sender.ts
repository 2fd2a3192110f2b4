import type {
  ChannelSettings,
  NotificationMessage,
  Outbound,
  SecretValue,
} from '../../core/index.js';

/** What a channel sends. */
export interface OutgoingMessage extends NotificationMessage {
  /** The same each time that it is tried. */
  readonly deliveryId: string;
  /** Where the console shows it; undefined where nobody said how the console is reached. */
  readonly link: string | undefined;
}

export interface SendingParts {
  readonly outbound: Outbound;
  /** Current value of a secret of `_providers`. Throws `SendFailure`. */
  readonly credential: (secret: string) => Promise<SecretValue>;
  /** Writes a line of the program log. */
  readonly log: (message: OutgoingMessage) => void;
  readonly nowMs: number;
}

/** One way to tell somebody. Throws `SendFailure`. */
export type ChannelSender<K extends ChannelSettings['kind']> = (
  settings: Extract<ChannelSettings, { kind: K }>,
  message: OutgoingMessage,
  parts: SendingParts,
) => Promise<void>;

/** Why nobody was told. `message` is for a person, and holds no value and no text of another program. */
export class SendFailure extends Error {
  /** Trying again does not help until somebody changes something. */
  readonly isPermanent: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: {
      readonly isPermanent?: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SendFailure';
    this.isPermanent = options.isPermanent ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
