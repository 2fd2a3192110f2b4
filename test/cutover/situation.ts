import {
  type Cutover,
  type CutoverCounts,
  type CutoverObservation,
  type CutoverSide,
  DEFAULT_CUTOVER_SETTINGS,
  NO_COUNTS,
} from '../../src/core/index.js';
import {
  type CutoverDecision,
  type CutoverSituation,
  decideCutover,
} from '../../src/cutover/index.js';

export const START_MS = Date.UTC(2026, 10, 1);

/** In the first step of the default settings. */
export function cutoverOf(more: Partial<Cutover> = {}): Cutover {
  return {
    id: 'cutover-1',
    secret: 'key',
    environment: 'production',
    fromVersion: 1,
    toSecret: null,
    toVersion: 2,
    settings: DEFAULT_CUTOVER_SETTINGS,
    state: 'CANARY',
    step: 0,
    paused: false,
    hold: null,
    startedAtMs: START_MS,
    startedBy: 'tester',
    stepStartedAtMs: START_MS,
    currentSinceMs: null,
    windowEndsAtMs: null,
    endedAtMs: null,
    reason: null,
    endedByItself: false,
    evidence: null,
    ...more,
  };
}

/** After the last step of the default settings. */
export function currentCutover(more: Partial<Cutover> = {}): Cutover {
  return cutoverOf({
    state: 'CURRENT',
    step: 1,
    currentSinceMs: START_MS,
    windowEndsAtMs: START_MS + 2880 * 60_000,
    ...more,
  });
}

export function observed(
  side: CutoverSide,
  clientId: string,
  counts: Partial<CutoverCounts>,
  more: Partial<CutoverObservation> = {},
): CutoverObservation {
  const full = { step: 0, side, route: 'api', clientId, client: clientId, ...NO_COUNTS, ...counts };
  return { ...full, ...more };
}

/** Requests of a client, as the observations of both sides that they leave. */
export interface Traffic {
  /** Accepted at once, by the version that they had. */
  readonly old?: number;
  readonly new?: number;
  /** Refused with the new version and accepted with the old one. */
  readonly pairs?: number;
  /** The other way round. */
  readonly reversePairs?: number;
  /** Refused with both. */
  readonly shared?: number;
  readonly failedOld?: number;
  readonly failedNew?: number;
  readonly unpairedOld?: number;
  readonly unpairedNew?: number;
}

export function traffic(
  clientId: string,
  sent: Traffic,
  more: Partial<CutoverObservation> = {},
): CutoverObservation[] {
  const { old: before = 0, new: after = 0, pairs = 0, reversePairs = 0, shared = 0 } = sent;
  const { failedOld = 0, failedNew = 0, unpairedOld = 0, unpairedNew = 0 } = sent;
  return [
    observed(
      'old',
      clientId,
      {
        accepted: before + pairs,
        refused: reversePairs + shared + unpairedOld,
        pairedRefusals: reversePairs,
        sharedRefusals: shared,
        failed: failedOld,
      },
      more,
    ),
    observed(
      'new',
      clientId,
      {
        accepted: after + reversePairs,
        refused: pairs + shared + unpairedNew,
        pairedRefusals: pairs,
        sharedRefusals: shared,
        failed: failedNew,
      },
      more,
    ),
  ];
}

/** Decides on these observations, by default two minutes after the step began, with nothing but the step to look at. */
export function decide(
  cutover: Cutover,
  observations: readonly CutoverObservation[],
  more: Partial<CutoverSituation> = {},
): CutoverDecision {
  const figures = observations.filter(({ step }) => step === cutover.step);
  return decideCutover({
    cutover,
    observations,
    recent: { figures, sinceMs: null },
    expectedClients: new Set(),
    ground: { probes: [], failure: undefined },
    probe: undefined,
    nowMs: START_MS + 120_000,
    ...more,
  });
}
