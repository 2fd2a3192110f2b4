import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/index.js';
import { addressBlock } from './address-block.js';

const WINDOW_MS = 60_000;
/** A person who mistypes, or a service that restarts with an old token, stays well below. */
const MAX_PER_ADDRESS = 60;
const MAX_PER_TOKEN = 20;
const MAX_TRACKED = 50_000;

interface Window {
  readonly startedAtMs: number;
  failures: number;
}

/**
 * Counts failed authentications per address (of IPv6 per network of 64 bits) and per token id, in windows of a minute. Only failures are
 * limited: a valid token always passes, because many apps may share one address.
 */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #windows = new LRUCache<string, Window>({ max: MAX_TRACKED });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one failure. Returns the seconds to wait when there were too many, else undefined. */
  fail(address: string, refused: string | undefined): number | undefined {
    const byAddress = this.#count(`a ${addressBlock(address)}`, MAX_PER_ADDRESS);
    const byToken = refused === undefined ? undefined : this.#count(`t ${refused}`, MAX_PER_TOKEN);
    return byAddress ?? byToken;
  }

  #count(key: string, limit: number): number | undefined {
    const now = this.#clock.now();
    const known = this.#windows.get(key);
    if (known === undefined || now - known.startedAtMs >= WINDOW_MS || now < known.startedAtMs) {
      this.#windows.set(key, { startedAtMs: now, failures: 1 });
      return undefined;
    }
    known.failures++;
    if (known.failures <= limit) return undefined;
    return Math.max(1, Math.ceil((known.startedAtMs + WINDOW_MS - now) / 1000));
  }
}
