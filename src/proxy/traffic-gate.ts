import type { TrafficLimits } from '../core/index.js';
import { TokenBucket } from './token-bucket.js';

/** Whose limits they are. */
export type GateScope = 'route' | 'client';

/** Why a request may not pass, and how long to wait. */
export interface GateRefusal {
  readonly kind: 'rate' | 'concurrency';
  readonly retryAfterSeconds: number;
}

/** How soon one of those under way is over is not known. */
const CONCURRENCY_WAIT_SECONDS = 1;

/**
 * Counts the requests of one route in one environment, or of one client, against its limits. Its fields tell a
 * client of them as draft-ietf-httpapi-ratelimit-headers-10 says.
 */
export class TrafficGate {
  inFlight = 0;
  #limits: TrafficLimits;
  #bucket: TokenBucket | undefined;
  #policy: string | undefined;
  readonly #scope: GateScope;

  constructor(scope: GateScope, limits: TrafficLimits, nowMs: number) {
    this.#scope = scope;
    this.#limits = limits;
    this.#prepare(nowMs);
  }

  get limits(): TrafficLimits {
    return this.#limits;
  }

  /** From here on by other limits; what is under way and used up stays so. */
  follow(limits: TrafficLimits, nowMs: number): void {
    if (limits === this.#limits) return;
    this.#limits = limits;
    this.#prepare(nowMs);
  }

  /** Whether one more may pass; takes nothing. */
  refusal(nowMs: number): GateRefusal | undefined {
    const { concurrentRequests } = this.#limits;
    if (concurrentRequests !== undefined && this.inFlight >= concurrentRequests) {
      return { kind: 'concurrency', retryAfterSeconds: CONCURRENCY_WAIT_SECONDS };
    }
    if (this.#bucket === undefined || this.#bucket.remaining(nowMs) >= 1) return undefined;
    return { kind: 'rate', retryAfterSeconds: this.#bucket.moreInSeconds };
  }

  enter(): void {
    this.inFlight++;
    this.#bucket?.take();
  }

  leave(): void {
    this.inFlight--;
  }

  /** Whether it could as well be made anew. */
  isUnused(nowMs: number): boolean {
    const bucket = this.#bucket;
    const isFull = bucket === undefined || bucket.remaining(nowMs) === bucket.capacity;
    return this.inFlight === 0 && isFull;
  }

  /** Adds the fields that tell what is left of the rate. */
  describeRate(fields: string[], nowMs: number): void {
    const bucket = this.#bucket;
    if (bucket === undefined || this.#policy === undefined) return;
    const remaining = bucket.remaining(nowMs);
    fields.push('RateLimit-Policy', this.#policy);
    fields.push('RateLimit', `"${this.#scope}";r=${remaining};t=${bucket.moreInSeconds}`);
  }

  /** Adds the fields that tell of the concurrency, where that is what a request ran into. */
  describeConcurrency(fields: string[]): void {
    const { concurrentRequests = 0 } = this.#limits;
    const name = `"${this.#scope}-concurrency"`;
    fields.push('RateLimit-Policy', `${name};q=${concurrentRequests};qu="concurrent-requests"`);
    fields.push('RateLimit', `${name};r=0`);
  }

  #prepare(nowMs: number): void {
    const { requestsPerSecond, burst } = this.#limits;
    if (requestsPerSecond === undefined) {
      this.#bucket = undefined;
      this.#policy = undefined;
      return;
    }
    const capacity = burst ?? Math.max(1, Math.floor(requestsPerSecond));
    this.#bucket = new TokenBucket(requestsPerSecond, capacity, nowMs, this.#bucket);
    this.#policy = `"${this.#scope}";q=${capacity};w=${this.#bucket.windowSeconds}`;
  }
}
