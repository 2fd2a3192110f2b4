import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient } from './api-client.js';
import { CommandFailure } from './command-failure.js';
import { readEvents } from './read-events.js';

/** Three comments that did not come. */
const SILENCE_MS = 45_000;
const AGAIN_MS = 1000;
/** A restart takes seconds; after this long a person should look. */
const GIVE_UP_MS = 600_000;
/** Asking again would not help. */
const FINAL_CODES = ['unauthenticated', 'forbidden', 'not_found'];

export interface WatchOptions<T> {
  /** Whether nothing comes after it. */
  readonly isOver: (thing: T) => boolean;
  /** Ends it without a failure. */
  readonly signal: AbortSignal;
  /** Called once when the server does not answer, and once when it does again. */
  readonly onTrouble: (isOver: boolean) => void;
}

/**
 * The thing at a path at once and whenever something about it changes, until it is over. Follows the server's events;
 * where they cannot be had, asks again and again. Outlives a restart of the server; throws when it is away for ten
 * minutes.
 */
export async function* watchEvents<T>(
  api: ApiClient,
  path: string,
  { isOver, signal, onTrouble }: WatchOptions<T>,
): AsyncGenerator<T> {
  let troubleSinceMs: number | undefined;
  const recovered = (): void => {
    if (troubleSinceMs !== undefined) onTrouble(true);
    troubleSinceMs = undefined;
  };
  while (!signal.aborted) {
    try {
      for await (const data of readEvents(await api.events(`${path}/events`, signal), SILENCE_MS)) {
        recovered();
        const thing = JSON.parse(data) as T;
        yield thing;
        if (isOver(thing)) return;
      }
    } catch (error) {
      if (isFinal(error)) throw error;
    }
    if (signal.aborted) return;
    try {
      const thing = await api.get<T>(path);
      recovered();
      yield thing;
      if (isOver(thing)) return;
    } catch (error) {
      if (isFinal(error)) throw error;
      if (troubleSinceMs === undefined) {
        troubleSinceMs = performance.now();
        onTrouble(false);
      } else if (performance.now() - troubleSinceMs > GIVE_UP_MS) throw error;
    }
    await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof CommandFailure && FINAL_CODES.includes(error.code ?? '');
}
