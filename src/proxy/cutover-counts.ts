import type { CutoverDelta, CutoverSide, Plan } from '../core/index.js';

/** What came of the requests of one client by one plan; of pairs, by the cutover that they speak for. */
export interface ObservedCounts {
  readonly plan: Plan;
  readonly clientId: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly pairs: ReadonlyMap<string, PairCounts> | undefined;
}

export interface PairCounts {
  paired: number;
  shared: number;
}

const OTHER_SIDE: Readonly<Record<CutoverSide, CutoverSide>> = { old: 'new', new: 'old' };

/** The cutover that a request speaks for that was sent by both plans; undefined where none connects them. */
export function cutoverBetween(one: Plan, other: Plan): string | undefined {
  return one.trialOf?.cutoverId ?? other.trialOf?.cutoverId;
}

/**
 * Adds what the counts say about cutovers: for that of the `other` of a trial, or, as the control, for each that
 * the plan has a trial of.
 */
export function addCutoverDeltas(into: Map<string, CutoverDelta>, counts: ObservedCounts): void {
  const { trials = [], trialOf } = counts.plan;
  if (trialOf !== undefined) {
    addCutoverDelta(into, deltaOf(counts, trialOf.cutoverId, trialOf.step, trialOf.side));
  }
  for (const { cutoverId, step, otherSide } of trials) {
    addCutoverDelta(into, deltaOf(counts, cutoverId, step, OTHER_SIDE[otherSide]));
  }
}

/** Adds to what is there under the same names. */
export function addCutoverDelta(into: Map<string, CutoverDelta>, delta: CutoverDelta): void {
  const { cutoverId, step, side, route, clientId } = delta;
  const key = [cutoverId, step, side, route, clientId].join(' ');
  const known = into.get(key);
  into.set(
    key,
    known === undefined
      ? delta
      : {
          ...delta,
          accepted: known.accepted + delta.accepted,
          refused: known.refused + delta.refused,
          failed: known.failed + delta.failed,
          pairedRefusals: known.pairedRefusals + delta.pairedRefusals,
          sharedRefusals: known.sharedRefusals + delta.sharedRefusals,
        },
  );
}

function deltaOf(
  { plan, clientId, accepted, refused, failed, pairs }: ObservedCounts,
  cutoverId: string,
  step: number,
  side: CutoverSide,
): CutoverDelta {
  const { paired = 0, shared = 0 } = pairs?.get(cutoverId) ?? {};
  return {
    cutoverId,
    step,
    side,
    route: plan.route,
    clientId,
    accepted,
    refused,
    failed,
    pairedRefusals: paired,
    sharedRefusals: shared,
  };
}
