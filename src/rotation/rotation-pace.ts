/** How fast an engine goes, in milliseconds. */
export interface RotationPace {
  /** How long a run is held without a word of its holder. */
  readonly leaseMs: number;
  /** What a provider has not answered by then is unknown. Shorter than the lease, which is renewed before each call. */
  readonly callTimeoutMs: number;
  /** Between attempts while nothing was made: with the last of them, the run fails. */
  readonly retriesMs: readonly number[];
  /** What must be done goes on being tried, at longest so far apart … */
  readonly longestRetryMs: number;
  /** … and for so long, before a person is asked. */
  readonly retryForMs: number;
  /** A new key may take so long until it works. */
  readonly verifyForMs: number;
  readonly verifyEveryMs: number;
  /** So long after a version ceased to be current nothing of its requests is under way or uncounted. */
  readonly settleMs: number;
  /** An emergency waits so long for a first request that tells of the new version. */
  readonly emergencyWaitMs: number;
  /** How often a cutover or a use is looked at while a run waits for it. */
  readonly pollMs: number;
}

export const DEFAULT_ROTATION_PACE: RotationPace = {
  leaseMs: 90_000,
  callTimeoutMs: 60_000,
  retriesMs: [5_000, 30_000, 120_000],
  longestRetryMs: 3_600_000,
  retryForMs: 7 * 86_400_000,
  verifyForMs: 120_000,
  verifyEveryMs: 2_000,
  settleMs: 5_000,
  emergencyWaitMs: 60_000,
  pollMs: 2_000,
};
