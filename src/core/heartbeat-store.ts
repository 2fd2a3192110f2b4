export interface PresumedUses {
  readonly untilMs: number;
  readonly versions: number;
}

/**
 * Part of `Store`. A server counts uses in memory for a moment before it writes them. So that "unused since" is never
 * too early, it also writes from time to time until when uses may be missing; one that stops cleanly takes that back.
 */
export interface HeartbeatStore {
  /** Uses up to `untilMs` may not be written yet. */
  beat(untilMs: number): Promise<void>;
  /** All that was counted is written. */
  endHeartbeat(): Promise<void>;
  /**
   * Where the last server did not stop cleanly: raises the last use of every version that the applied routes and
   * cutovers under way could have placed to its last beat, with an audit row. Call it before anything else changes
   * the store; and again at each beat where several servers share it, for those whose beats have ceased. Undefined when
   * there was nothing to raise.
   */
  presumeUses(): Promise<PresumedUses | undefined>;
}
