import { randomUUID } from 'node:crypto';
import {
  type Clock,
  type Delivery,
  type NotificationStore,
  type Outbound,
  PROVIDERS_ENVIRONMENT,
  type SecretValue,
  type Store,
} from '../core/index.js';
import { type OutgoingMessage, SendFailure, type SendingParts } from './channels/channel-sender.js';
import { sendMessage } from './channels/send-message.js';

const TICK_EVERY_MS = 1000;
/** Longer than any channel takes. */
const LEASE_MS = 120_000;
const AT_ONCE = 10;
const TIDY_EVERY_MS = 3_600_000;
/** After the first, the second, … failure; from then on every hour, for a day. */
const RETRY_AFTER_MS = [10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000] as const;
const GIVE_UP_MS = 86_400_000;

export interface NotifierOptions {
  readonly store: NotificationStore & Pick<Store, 'resolveValues'>;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Where people reach the console; undefined = messages have no link. */
  readonly consoleUrl: string | undefined;
  readonly log: (message: OutgoingMessage) => void;
  /** What came of each attempt. */
  readonly onAttempt: (outcome: 'sent' | 'retried' | 'given_up', delivery: Delivery) => void;
  /** Called when the store fails, once until it is over: the notifier goes on trying. */
  readonly onError: (error: unknown) => void;
}

export interface Notifier {
  /** Sends what is due; never twice at once. Runs once a second by itself. */
  tick(): Promise<void>;
  /** Sends one now. Undefined = it arrived; otherwise why not, for a person. */
  sendNow(deliveryId: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Sends what the store keeps for channels, off the request path. At least once: a receiver knows a repetition by its id. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { store, clock } = options;
  const holder = randomUUID();
  let isFailing = false;
  let tidiedAtMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  async function credential(secret: string): Promise<SecretValue> {
    const reference = { secret, environment: PROVIDERS_ENVIRONMENT, version: undefined };
    const [found] = await store.resolveValues([reference]);
    if (found?.status === 'found') return found.value;
    throw new SendFailure(
      `The secret "${secret}" has no current value in ${PROVIDERS_ENVIRONMENT}: add one.`,
    );
  }

  async function attempt(delivery: Delivery): Promise<string | undefined> {
    const channel = await store.getChannel(delivery.channelId);
    const nowMs = clock.now();
    const parts: SendingParts = { outbound: options.outbound, credential, log: options.log, nowMs };
    let failure: SendFailure | undefined;
    try {
      if (channel === undefined) {
        throw new SendFailure('The channel is gone, or its row was altered.', {
          isPermanent: true,
        });
      }
      await sendMessage(channel.settings, outgoing(delivery), parts);
    } catch (error) {
      failure = error instanceof SendFailure ? error : new SendFailure('It could not be sent.');
      if (!(error instanceof SendFailure)) options.onError(error);
    }
    const retryAtMs = failure === undefined ? null : retryAt(delivery, failure);
    const problem = failure?.message ?? null;
    await store.finishDelivery({ id: delivery.id, holder, problem, retryAtMs });
    const outcome = failure === undefined ? 'sent' : retryAtMs === null ? 'given_up' : 'retried';
    options.onAttempt(outcome, delivery);
    return failure?.message;
  }

  function outgoing({ id, message }: Delivery): OutgoingMessage {
    const { consoleUrl } = options;
    const link = consoleUrl === undefined ? undefined : linkTo(consoleUrl, message);
    return { ...message, deliveryId: id, link };
  }

  /** Null = given up. */
  function retryAt({ attempts, createdAtMs }: Delivery, failure: SendFailure): number | null {
    const nowMs = clock.now();
    if (failure.isPermanent || nowMs - createdAtMs >= GIVE_UP_MS) return null;
    const usualMs = RETRY_AFTER_MS[attempts - 1] ?? RETRY_AFTER_MS.at(-1) ?? 0;
    return nowMs + Math.max(usualMs, failure.retryAfterMs ?? 0);
  }

  async function work(): Promise<void> {
    try {
      if (clock.now() - tidiedAtMs >= TIDY_EVERY_MS) {
        tidiedAtMs = clock.now();
        await store.tidyDeliveries();
      }
      const due = await store.claimDeliveries({ holder, limit: AT_ONCE, leaseMs: LEASE_MS });
      await Promise.all(due.map(attempt));
      isFailing = false;
    } catch (error) {
      if (!isFailing) options.onError(error);
      isFailing = true;
    }
  }

  const tick = (): Promise<void> => {
    underWay ??= work().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  const timer = setInterval(() => void tick(), TICK_EVERY_MS);
  timer.unref();
  return {
    tick,
    async sendNow(deliveryId) {
      const claim = { holder, limit: 1, leaseMs: LEASE_MS, id: deliveryId };
      const [delivery] = await store.claimDeliveries(claim);
      if (delivery !== undefined) return attempt(delivery);
      // The timer was first.
      await underWay;
      const found = await store.getDelivery(deliveryId);
      return found?.sentAtMs == null ? (found?.problem ?? 'It is being sent.') : undefined;
    },
    async close() {
      clearInterval(timer);
      await underWay;
    },
  };
}

/** The page that shows what it is about. */
function linkTo(
  consoleUrl: string,
  { secret, environment, event }: Pick<OutgoingMessage, 'secret' | 'environment' | 'event'>,
): string {
  const path =
    secret === null || event === 'test' ? '/alerts' : `/secrets/${encodeURIComponent(secret)}`;
  const url = new URL(path, consoleUrl);
  if (secret !== null && environment !== null) url.hash = environment;
  return url.href;
}
