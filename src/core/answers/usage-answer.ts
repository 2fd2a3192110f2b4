/** Requests over time, as the admin API shows them. */
export interface UsageHistoryAnswer {
  /** The beginning of the first bucket. */
  readonly since: string;
  readonly until: string;
  readonly bucketSeconds: number;
  readonly series: readonly UsageSeriesAnswer[];
}

export interface UsageSeriesAnswer {
  /** Null where no client was known. */
  readonly environment: string | null;
  /** Null without a secret. */
  readonly version: number | null;
  /** In order of time; buckets in which nothing happened are left out. */
  readonly points: readonly UsagePointAnswer[];
}

export interface UsagePointAnswer {
  /** The beginning of the bucket. */
  readonly at: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly notSent: number;
}
