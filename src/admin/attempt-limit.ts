import type { Clock } from '../core/index.js';

/** Attempts that one key has free, and the time in which they come back. */
const FREE_ATTEMPTS = 20;
const RECOVERY_MS = 60_000;
/** About 10 MB at worst; beyond it the longest unseen key is forgotten. */
const MAX_KEYS = 50_000;

interface Bucket {
  attempts: number;
  atMs: number;
}

/** Counts attempts per key, failed ones or all of them, and lets them leak away steadily: 20 at once, then 20 a minute. */
export class AttemptLimit {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records one attempt. Returns the seconds to wait where there were too many, else undefined. */
  record(key: string): number | undefined {
    const nowMs = this.#clock.now();
    const found = this.#buckets.get(key);
    const bucket: Bucket = {
      attempts: found === undefined ? 0 : leaked(found, nowMs),
      atMs: nowMs,
    };
    const refused = bucket.attempts + 1 > FREE_ATTEMPTS;
    if (!refused) bucket.attempts += 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_KEYS) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (!refused) return undefined;
    const excess = bucket.attempts + 1 - FREE_ATTEMPTS;
    return Math.max(1, Math.ceil((excess * RECOVERY_MS) / FREE_ATTEMPTS / 1000));
  }
}

function leaked(bucket: Bucket, nowMs: number): number {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  return Math.max(0, bucket.attempts - (elapsedMs * FREE_ATTEMPTS) / RECOVERY_MS);
}
