import type { TrafficLimits } from '../traffic.js';

/** A client as the admin API shows it. */
export interface ClientAnswer {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  /** Null = all. */
  readonly routes: readonly string[] | null;
  /** Null = any. */
  readonly cidrs: readonly string[] | null;
  readonly limits: TrafficLimits | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}
