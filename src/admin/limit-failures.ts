import type { Clock } from '../core/index.js';

/** Failed attempts that one address, or one token id, has free; and the time in which they come back. */
const FREE_FAILURES = 20;
const RECOVERY_MS = 60_000;
/** About 10 MB at worst; beyond it the longest unseen key is forgotten. */
const MAX_KEYS = 50_000;

interface Bucket {
  failures: number;
  atMs: number;
}

/** Counts failed attempts per key and lets them leak away steadily. */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records one failure. Returns the seconds to wait where there were too many, else undefined. */
  record(key: string): number | undefined {
    const nowMs = this.#clock.now();
    const found = this.#buckets.get(key);
    const bucket: Bucket = {
      failures: found === undefined ? 0 : leaked(found, nowMs),
      atMs: nowMs,
    };
    const refused = bucket.failures + 1 > FREE_FAILURES;
    if (!refused) bucket.failures += 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_KEYS) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (!refused) return undefined;
    const excess = bucket.failures + 1 - FREE_FAILURES;
    return Math.max(1, Math.ceil((excess * RECOVERY_MS) / FREE_FAILURES / 1000));
  }
}

function leaked(bucket: Bucket, nowMs: number): number {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  return Math.max(0, bucket.failures - (elapsedMs * FREE_FAILURES) / RECOVERY_MS);
}
