import { type Admin, AppError } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import type { EventStream, StreamEvent } from './event-stream.js';

/** Figures are written once a second. */
const TICK_MS = 1000;
/** Of all readers, and of one admin: a page that is open costs one. */
const MOST_STREAMS = 100;
const MOST_STREAMS_OF_ONE = 20;

/** The id of the event after which nothing comes. */
export const LAST_EVENT_ID = 'ended';

/** A thing as it is now, as the admin may see it; undefined for one who may not know of it. */
export type Look = (admin: Admin) => StreamEvent | undefined;

export interface Reader {
  /** Of the thing, `/v1/cutovers/ID`: those with the same one are told the same. */
  readonly path: string;
  /** Undefined when it is gone. */
  readonly look: () => Promise<Look | undefined>;
  readonly adminId: string;
  readonly token: string;
  readonly stream: EventStream;
  /** The admin as it is now. Throws when the token no longer counts. */
  readonly authenticate: () => Promise<Admin>;
}

/**
 * All event streams. While there is one, the store is asked once a second for all of them: each thing once, each token
 * once. A reader whose token was revoked is cut off.
 */
export class EventStreams {
  readonly #dependencies: Pick<AdminDependencies, 'closing' | 'logError'>;
  readonly #readers = new Set<Reader>();
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: Pick<AdminDependencies, 'closing' | 'logError'>) {
    this.#dependencies = dependencies;
    dependencies.closing.addEventListener('abort', () => {
      for (const { stream } of this.#readers) stream.end();
    });
  }

  /** Throws `rate_limited` where there are too many, and `draining` while the server stops. */
  requireRoom(adminId: string): void {
    if (this.#dependencies.closing.aborted) {
      throw new AppError('draining', 'The server is shutting down.');
    }
    const own = [...this.#readers].filter((reader) => reader.adminId === adminId).length;
    if (this.#readers.size < MOST_STREAMS && own < MOST_STREAMS_OF_ONE) return;
    throw new AppError(
      'rate_limited',
      `Too many event streams are open: ${own < MOST_STREAMS_OF_ONE ? `${MOST_STREAMS} in all` : `${MOST_STREAMS_OF_ONE} of this token's admin`}. Close one, or ask for the thing itself again and again.`,
      { retryAfterSeconds: 10 },
    );
  }

  /** Ends when the stream does. */
  async follow(reader: Reader): Promise<void> {
    this.#readers.add(reader);
    this.#timer ??= this.#later();
    if (this.#dependencies.closing.aborted) reader.stream.end();
    await reader.stream.closed;
    this.#readers.delete(reader);
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#tick(), TICK_MS).unref();
  }

  async #tick(): Promise<void> {
    try {
      await this.#tell([...this.#readers]);
    } catch (error) {
      this.#dependencies.logError(error, { requestId: '-', path: '/v1/…/events' });
      for (const { stream } of this.#readers) stream.cut();
    }
    this.#timer = this.#readers.size === 0 ? undefined : this.#later();
  }

  async #tell(readers: readonly Reader[]): Promise<void> {
    const looks = new Map<string, Look | undefined>();
    const admins = new Map<string, Admin | undefined>();
    for (const { path, look, token, authenticate } of readers) {
      if (!looks.has(path)) looks.set(path, await look());
      if (!admins.has(token)) admins.set(token, await unlessRefused(authenticate));
    }
    for (const { path, token, stream } of readers) {
      const admin = admins.get(token);
      const event = admin === undefined ? undefined : looks.get(path)?.(admin);
      if (event === undefined) {
        stream.cut();
        continue;
      }
      stream.offer(event);
      stream.tick();
    }
  }
}

async function unlessRefused(authenticate: () => Promise<Admin>): Promise<Admin | undefined> {
  try {
    return await authenticate();
  } catch (error) {
    const refused = error instanceof AppError && error.status < 500;
    if (refused) return undefined;
    throw error;
  }
}
