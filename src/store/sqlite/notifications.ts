import {
  type Actor,
  AppError,
  type Channel,
  type ChannelSettings,
  type Delivery,
  type NotificationMessage,
  type Page,
  type PageRequest,
} from '../../core/index.js';
import { isUniqueViolation } from './error-across-threads.js';
import { type ChannelRow, type DeliveryRow, type Outbox, toDelivery } from './outbox.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

/** Sorts after every id. */
const AFTER_IDS = 'g';
/** Longer than any cooldown needs; what is told is in the alerts and the audit log too. */
const KEPT_MS = 90 * 86_400_000;

export function notificationCommands(session: Session, outbox: Outbox) {
  const { database, audit, ledger, newId, now, write } = session;
  const byId = database.prepare<[string], ChannelRow>('SELECT * FROM channels WHERE id = ?');
  const all = database.prepare<[], ChannelRow>('SELECT * FROM channels ORDER BY name');
  const insert = database.prepare<ChannelRow>(
    `INSERT INTO channels VALUES (@id, @name, @settings, @created_at_ms, @created_by,
       @last_sent_at_ms, @last_failed_at_ms, @last_problem)`,
  );
  const update = database.prepare<[string, string]>(
    'UPDATE channels SET settings = ? WHERE id = ?',
  );
  const remove = database.prepare<[string]>('DELETE FROM channels WHERE id = ?');
  const sent = database.prepare<[number, string]>(
    'UPDATE channels SET last_sent_at_ms = ?, last_problem = NULL WHERE id = ?',
  );
  const failed = database.prepare<[number, string, string]>(
    'UPDATE channels SET last_failed_at_ms = ?, last_problem = ? WHERE id = ?',
  );
  const delivery = database.prepare<[string], DeliveryRow>('SELECT * FROM deliveries WHERE id = ?');
  // In turn: a channel that hangs with many does not hold up the others.
  const due = database.prepare<{ nowMs: number; limit: number }, DeliveryRow>(
    `SELECT * FROM deliveries
     WHERE sent_at_ms IS NULL AND failed_at_ms IS NULL AND next_attempt_at_ms <= @nowMs
       AND (held_until_ms IS NULL OR held_until_ms <= @nowMs)
     ORDER BY row_number() OVER (
       PARTITION BY channel_id ORDER BY next_attempt_at_ms, id), id
     LIMIT @limit`,
  );
  const hold = database.prepare<[string, number, string]>(
    'UPDATE deliveries SET holder = ?, held_until_ms = ?, attempts = attempts + 1 WHERE id = ?',
  );
  const finish = database.prepare<DeliveryRow>(
    `UPDATE deliveries SET holder = @holder, held_until_ms = @held_until_ms, problem = @problem,
       next_attempt_at_ms = @next_attempt_at_ms, sent_at_ms = @sent_at_ms,
       failed_at_ms = @failed_at_ms WHERE id = @id`,
  );
  const waiting = database.prepare<[], { channel_id: string; count: number }>(
    `SELECT channel_id, count(*) AS count FROM deliveries
     WHERE sent_at_ms IS NULL AND failed_at_ms IS NULL GROUP BY channel_id`,
  );
  const forget = database.prepare<[number]>(
    `DELETE FROM deliveries
     WHERE created_at_ms < ? AND (sent_at_ms IS NOT NULL OR failed_at_ms IS NOT NULL)`,
  );

  const require = (id: string): ChannelRow => {
    const row = byId.get(id);
    if (row === undefined) throw new AppError('not_found', 'There is no channel with this id.');
    ledger.requireIntact('channels', row);
    return row;
  };

  const isFree = (row: DeliveryRow | undefined): row is DeliveryRow =>
    row !== undefined &&
    row.sent_at_ms === null &&
    row.failed_at_ms === null &&
    (row.held_until_ms === null || row.held_until_ms <= now());

  return {
    createChannel(command: { actor: Actor; name: string; settings: ChannelSettings }): Channel {
      return write(() => {
        const { actor, name, settings } = command;
        const row: ChannelRow = {
          id: newId(),
          name,
          settings: JSON.stringify(settings),
          created_at_ms: now(),
          created_by: actor.name,
          last_sent_at_ms: null,
          last_failed_at_ms: null,
          last_problem: null,
        };
        try {
          insert.run(row);
        } catch (cause) {
          if (!isUniqueViolation(cause)) throw cause;
          throw new AppError('name_taken', `There is already a channel "${name}".`, { cause });
        }
        audit.append({ actor, action: 'channel.create', detail: { id: row.id, name, settings } });
        return toChannel(row);
      });
    },

    updateChannel(command: { actor: Actor; id: string; settings: ChannelSettings }): Channel {
      return write(() => {
        const { actor, id, settings } = command;
        const row = { ...require(id), settings: JSON.stringify(settings) };
        update.run(row.settings, id);
        audit.append({ actor, action: 'channel.update', detail: { id, name: row.name, settings } });
        return toChannel(row);
      });
    },

    deleteChannel({ actor, id }: { actor: Actor; id: string }): void {
      write(() => {
        const row = byId.get(id);
        if (row === undefined) throw new AppError('not_found', 'There is no channel with this id.');
        remove.run(id);
        audit.append({ actor, action: 'channel.delete', detail: { id, name: row.name } });
      });
    },

    getChannel(id: string): Channel | undefined {
      const row = byId.get(id);
      return row !== undefined && ledger.holds('channels', row) ? toChannel(row) : undefined;
    },

    listChannels: (): Channel[] =>
      all
        .all()
        .filter((row) => ledger.holds('channels', row))
        .map(toChannel),

    enqueueNotifications(messages: readonly NotificationMessage[]): void {
      if (messages.length === 0) return;
      write(() => messages.forEach(outbox.enqueue));
    },

    enqueueFor({
      channelId,
      message,
    }: {
      channelId: string;
      message: NotificationMessage;
    }): Delivery {
      return write(() => outbox.enqueueFor(require(channelId).id, message));
    },

    claimDeliveries(command: {
      holder: string;
      limit: number;
      leaseMs: number;
      id?: string | undefined;
    }): Delivery[] {
      const { holder, limit, leaseMs, id } = command;
      const find = (): DeliveryRow[] =>
        id === undefined
          ? due.all({ nowMs: now(), limit })
          : [delivery.get(id)].filter((row) => isFree(row));
      // Asked every second: without anything due it writes nothing.
      if (find().length === 0) return [];
      return write(() =>
        find().map((row) => {
          hold.run(holder, now() + leaseMs, row.id);
          return toDelivery({ ...row, attempts: row.attempts + 1 });
        }),
      );
    },

    finishDelivery(command: {
      id: string;
      holder: string;
      problem: string | null;
      retryAtMs: number | null;
    }): void {
      write(() => {
        const { id, holder, problem, retryAtMs } = command;
        const row = delivery.get(id);
        if (row === undefined || row.holder !== holder || row.sent_at_ms !== null) return;
        const isGivenUp = problem !== null && retryAtMs === null;
        finish.run({
          ...row,
          holder: null,
          held_until_ms: null,
          problem,
          next_attempt_at_ms: retryAtMs ?? row.next_attempt_at_ms,
          sent_at_ms: problem === null ? now() : null,
          failed_at_ms: isGivenUp ? now() : null,
        });
        if (problem === null) sent.run(now(), row.channel_id);
        else failed.run(now(), problem, row.channel_id);
      });
    },

    getDelivery(id: string): Delivery | undefined {
      const row = delivery.get(id);
      return row === undefined ? undefined : toDelivery(row);
    },

    waitingDeliveries: (): Map<string, number> =>
      new Map(waiting.all().map(({ channel_id, count }) => [channel_id, count])),

    listDeliveries(filter: PageRequest & { channelId?: string | undefined }): Page<Delivery> {
      const limit = pageLimit(filter);
      const { channelId = null } = filter;
      const rows = database
        .prepare<unknown[], DeliveryRow>(
          `SELECT * FROM deliveries WHERE id < ? AND (? IS NULL OR channel_id = ?)
           ORDER BY id DESC LIMIT ?`,
        )
        .all(decodeCursor(filter.cursor, 'string') ?? AFTER_IDS, channelId, channelId, limit + 1);
      return toPage(
        rows,
        limit,
        (row) => row.id,
        (shown) => shown.map(toDelivery),
      );
    },

    tidyDeliveries(): void {
      write(() => forget.run(now() - KEPT_MS));
    },
  };
}

function toChannel(row: ChannelRow): Channel {
  return {
    id: row.id,
    name: row.name,
    settings: JSON.parse(row.settings) as ChannelSettings,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    lastSentAtMs: row.last_sent_at_ms,
    lastFailedAtMs: row.last_failed_at_ms,
    lastProblem: row.last_problem,
  };
}
