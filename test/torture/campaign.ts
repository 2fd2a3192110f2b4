/** What one slice of a campaign is asked to do. */
export interface Slice {
  /** Decides everything that the campaign leaves to chance. */
  readonly seed: number;
  /** How many units. */
  readonly count: number;
  /** Aborted when time is up: the campaign may end early and say how far it came. */
  readonly signal?: AbortSignal | undefined;
}

export interface SliceOutcome {
  /** Units that were done, at most `count`. */
  readonly done: number;
  /** What should not have happened, each in a sentence; empty = all is well. */
  readonly findings: readonly string[];
  /** Figures that are worth keeping, in words. */
  readonly note?: string | undefined;
}

/**
 * One figure of the threat table, reached in slices. A file in `campaigns/` of the same name exports it as
 * `campaign`; the short part that `npm test` runs calls the same `run`, inside a test of vitest as here.
 */
export interface Campaign {
  readonly name: string;
  readonly threat: string;
  /** Units to reach in total. */
  readonly target: number;
  /** Plural. */
  readonly unit: string;
  /** Units per slice: about a minute of work. */
  readonly slice: number;
  /** Says why it cannot run on this machine; undefined = it can. */
  readonly missing?: (() => string | undefined) | undefined;
  /** What it throws is a finding too. */
  run(slice: Slice): Promise<SliceOutcome>;
}
