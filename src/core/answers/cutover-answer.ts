import type { CutoverCounts, CutoverHold, CutoverSide, CutoverState } from '../cutover.js';

/** A cutover as lists of the admin API show it. */
export interface CutoverAnswer {
  readonly id: string;
  readonly secret: string;
  readonly environment: string;
  readonly fromVersion: number;
  readonly toVersion: number | null;
  readonly toSecret: string | null;
  readonly state: CutoverState;
  readonly step: number;
  /** Share of the requests that take the new version. */
  readonly percent: number;
  readonly settings: {
    readonly steps: readonly number[];
    readonly stepMinSamples: number;
    readonly stepMinSeconds: number;
    readonly maxRefusalRatio: number;
    readonly windowMinutes: number;
    readonly routes: readonly string[] | null;
    readonly clients: readonly string[] | null;
    readonly onRefusal: string;
    readonly stickyClients: boolean;
  };
  readonly paused: boolean;
  readonly hold: {
    readonly reason: CutoverHold;
    readonly explanation: string;
    readonly whatToDo: string;
  } | null;
  readonly startedAt: string;
  readonly startedBy: string;
  readonly stepStartedAt: string;
  readonly currentSince: string | null;
  readonly windowEndsAt: string | null;
  readonly endedAt: string | null;
  readonly reason: string | null;
  readonly endedByItself: boolean;
}

export interface StepFiguresAnswer {
  readonly step: number;
  readonly percent: number;
  readonly old: CutoverCounts;
  readonly new: CutoverCounts;
  readonly probes: number;
  readonly clients: number;
}

/** As its events show it. */
export interface CutoverWithFigures extends CutoverAnswer {
  readonly waitsFor: readonly string[];
  readonly figures: readonly StepFiguresAnswer[];
}

/** As it is shown by itself. */
export interface CutoverDetail extends CutoverWithFigures {
  readonly observations: readonly (CutoverCounts & {
    readonly step: number;
    readonly percent: number;
    readonly side: CutoverSide;
    readonly version: number | null;
    readonly route: string;
    readonly client: string;
  })[];
}
