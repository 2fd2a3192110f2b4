import { type Admin, AppError, type Cutover } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import type { EventStream, StreamEvent } from './event-stream.js';
import { requireVisible } from './find-cutover.js';
import { showWithFigures } from './show-cutover.js';

/** Figures are written once a second. */
const TICK_MS = 1000;
/** Of all readers, and of one admin: a page that is open costs one. */
const MOST_STREAMS = 100;
const MOST_STREAMS_OF_ONE = 20;

/** The id of the event after which nothing comes. */
export const LAST_EVENT_ID = 'ended';

interface Reader {
  readonly cutoverId: string;
  readonly adminId: string;
  readonly token: string;
  readonly stream: EventStream;
  /** The admin as it is now. Throws when the token no longer counts. */
  readonly authenticate: () => Promise<Admin>;
}

/**
 * All event streams of cutovers. While there is one, the store is asked once a second for all of them: each cutover
 * once, each token once. A reader whose token was revoked is cut off.
 */
export class CutoverStreams {
  readonly #dependencies: AdminDependencies;
  readonly #readers = new Set<Reader>();
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: AdminDependencies) {
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
      `Too many event streams are open: ${own < MOST_STREAMS_OF_ONE ? `${MOST_STREAMS} in all` : `${MOST_STREAMS_OF_ONE} of this token's admin`}. Close one, or ask GET /v1/cutovers/{id} again and again.`,
      { retryAfterSeconds: 10 },
    );
  }

  /** The event that shows the cutover as it is. */
  async eventOf(cutover: Cutover): Promise<StreamEvent> {
    const { store, clock } = this.#dependencies;
    const observations = await store.observationsOf(cutover.id);
    const isLast = cutover.endedAtMs !== null;
    return {
      id: isLast ? LAST_EVENT_ID : `${cutover.state}-${cutover.step}`,
      data: JSON.stringify(showWithFigures(cutover, observations, clock.now())),
      isLast,
    };
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
      this.#dependencies.logError(error, { requestId: '-', path: '/v1/cutovers/{id}/events' });
      for (const { stream } of this.#readers) stream.cut();
    }
    this.#timer = this.#readers.size === 0 ? undefined : this.#later();
  }

  async #tell(readers: readonly Reader[]): Promise<void> {
    const { store } = this.#dependencies;
    const running = new Map(
      (await store.runningCutovers()).map((cutover) => [cutover.id, cutover] as const),
    );
    const found = new Map<string, { cutover: Cutover; event: StreamEvent }>();
    for (const id of new Set(readers.map(({ cutoverId }) => cutoverId))) {
      const cutover = running.get(id) ?? (await store.getCutover(id));
      if (cutover !== undefined) found.set(id, { cutover, event: await this.eventOf(cutover) });
    }
    const admins = new Map<string, Admin | undefined>();
    for (const { token, authenticate } of readers) {
      if (!admins.has(token)) admins.set(token, await unlessRefused(authenticate));
    }
    for (const { cutoverId, token, stream } of readers) {
      const admin = admins.get(token);
      const news = found.get(cutoverId);
      if (admin === undefined || news === undefined || !sees(admin, news.cutover)) {
        stream.cut();
        continue;
      }
      stream.offer(news.event);
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

function sees(admin: Admin, cutover: Cutover): boolean {
  try {
    requireVisible(admin, cutover);
    return true;
  } catch {
    return false;
  }
}
