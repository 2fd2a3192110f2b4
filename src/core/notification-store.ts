import type { Channel, ChannelSettings, Delivery, NotificationMessage } from './notification.js';
import type { Page, PageRequest } from './page.js';
import type { ByActor } from './ports.js';

/** Channels and what is on its way to them; part of `Store`. */
export interface NotificationStore {
  /** Throws `name_taken`. */
  createChannel(command: ByActor & { name: string; settings: ChannelSettings }): Promise<Channel>;
  updateChannel(command: ByActor & { id: string; settings: ChannelSettings }): Promise<Channel>;
  deleteChannel(command: ByActor & { id: string }): Promise<void>;
  getChannel(id: string): Promise<Channel | undefined>;
  listChannels(): Promise<readonly Channel[]>;
  /**
   * Keeps messages for every channel that wants them: one for each channel and subject within its cooldown, unless it
   * became more urgent.
   */
  enqueueNotifications(messages: readonly NotificationMessage[]): Promise<void>;
  /** Keeps one for one channel, whatever it wants: a test. Throws `not_found`. */
  enqueueFor(command: { channelId: string; message: NotificationMessage }): Promise<Delivery>;
  /** Due ones, or the one with this id, held for `leaseMs` so that no other process sends them too. */
  claimDeliveries(command: {
    holder: string;
    limit: number;
    leaseMs: number;
    id?: string | undefined;
  }): Promise<readonly Delivery[]>;
  /** What came of an attempt; `retryAtMs` null with a problem = given up. Of no effect for who no longer holds it. */
  finishDelivery(command: {
    id: string;
    holder: string;
    problem: string | null;
    retryAtMs: number | null;
  }): Promise<void>;
  getDelivery(id: string): Promise<Delivery | undefined>;
  /** How many wait to be sent, by channel. */
  waitingDeliveries(): Promise<ReadonlyMap<string, number>>;
  /** Newest first. */
  listDeliveries(filter: PageRequest & { channelId?: string | undefined }): Promise<Page<Delivery>>;
  /** Forgets what was sent or given up long ago. */
  tidyDeliveries(): Promise<void>;
}
