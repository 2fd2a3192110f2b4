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
  /** Keeps one for one channel, whatever it wants: a test. */
  enqueueFor(command: { channelId: string; message: NotificationMessage }): Promise<Delivery>;
  /** Due ones, held for `leaseMs` so that no other process sends them too. */
  claimDeliveries(command: {
    holder: string;
    limit: number;
    leaseMs: number;
  }): Promise<readonly Delivery[]>;
  /** What came of an attempt; `retryAtMs` null with a problem = given up. */
  finishDelivery(command: {
    id: string;
    holder: string;
    problem: string | null;
    retryAtMs: number | null;
  }): Promise<void>;
  /** Newest first. */
  listDeliveries(filter: PageRequest & { channelId?: string | undefined }): Promise<Page<Delivery>>;
}
