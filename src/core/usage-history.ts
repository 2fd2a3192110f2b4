import type { UsageOutcome } from './usage.js';

/** `notSent`: Keyferry answered by itself, and no secret left it. */
export type RequestOutcome = UsageOutcome | 'notSent';

/** Requests of an environment since the last delta, whatever secrets they carried: additive, as usage is. */
export interface RequestDelta {
  /** Undefined where no client was known. */
  readonly environment: string | undefined;
  readonly outcome: RequestOutcome;
  readonly count: number;
  /** When the last of them was sent, or was answered without. */
  readonly atMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Counts are kept for each five minutes at first, then for each hour, then no longer. */
export const HISTORY_STEPS = {
  fine: { everyMs: 5 * MINUTE_MS, forMs: 2 * DAY_MS },
  coarse: { everyMs: HOUR_MS, forMs: 31 * DAY_MS },
} as const;

export interface UsageHistoryFilter {
  /** Undefined = all requests, by environment; otherwise those that carried it, by environment and version. */
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
  /** Only these; undefined = all, and the requests of which none was known. */
  readonly environments?: readonly string[] | undefined;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** A multiple of the step in which the time since then is kept. */
  readonly bucketMs: number;
}

export interface UsageSeries {
  /** Null where none was known. */
  readonly environment: string | null;
  /** Null without a secret. */
  readonly version: number | null;
  /** In order of time; buckets in which nothing happened are left out. */
  readonly points: readonly UsagePoint[];
}

export interface UsagePoint {
  /** When the bucket begins: a multiple of its length. */
  readonly atMs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  /** 0 with a secret: what was not sent carried none. */
  readonly notSent: number;
}

/** Part of `Store`: what `recordUsage` wrote, over time. It decides nothing. */
export interface UsageHistoryStore {
  /** With a secret, the 20 versions that were used last. Throws `not_found`, `environment_unknown`. */
  usageHistory(filter: UsageHistoryFilter): Promise<readonly UsageSeries[]>;
  /**
   * Adds up counts that are older than the fine step is kept, and removes those older than the coarse one; some
   * thousands at a time. True while there are more.
   */
  tidyUsageHistory(): Promise<boolean>;
}
