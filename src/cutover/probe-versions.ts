import {
  type Cutover,
  type CutoverCounts,
  type CutoverDelta,
  type CutoverSide,
  type ErrorCode,
  NO_COUNTS,
  PROBE_CLIENT,
  type ProbeAnswer,
  type Prober,
} from '../core/index.js';
import type { ProbeFinding, RouteProbe } from './cutover-ground.js';

/** Statuses that speak of the moment, not of the credential (RFC 9110, RFC 6585, RFC 8470). */
const PASSING_STATUSES: readonly number[] = [408, 425, 429];

/** Keyferry itself did not send it: that says nothing about either version. */
const NOT_SENT: readonly ErrorCode[] = ['overloaded', 'rate_limited', 'draining', 'sealed'];

type Outcome = 'accepted' | 'refused' | 'failed' | 'unsent';

export interface ProbedVersions {
  readonly finding: ProbeFinding;
  /** What was observed, to be counted with the requests of clients. */
  readonly deltas: readonly CutoverDelta[];
}

/**
 * Sends a route's probe with the new version, and with the old one as control. Throws what `Prober.probe` throws.
 */
export async function probeVersions(
  cutover: Cutover,
  { route, method, path, expectedStatus }: RouteProbe,
  prober: Prober,
): Promise<ProbedVersions> {
  const { environment, secret, fromVersion, toSecret, toVersion, step } = cutover;
  const request = { route, environment, method, path };
  const after = await prober.probe({
    ...request,
    with: { secret, version: toVersion, toSecret },
  });
  const before = await prober.probe({
    ...request,
    with: { secret, version: fromVersion, toSecret: null },
  });
  const outcomes = {
    new: outcomeOf(after, expectedStatus),
    old: outcomeOf(before, expectedStatus),
  };
  const delta = (side: CutoverSide, counts: CutoverCounts): CutoverDelta => ({
    cutoverId: cutover.id,
    step,
    side,
    route,
    clientId: PROBE_CLIENT,
    ...counts,
  });
  const isUnsent = Object.values(outcomes).includes('unsent');
  return {
    finding: { finding: findingOf(outcomes), route, status: after.status },
    deltas: isUnsent
      ? []
      : [
          delta('new', countsOf(outcomes.new, outcomes.old)),
          delta('old', countsOf(outcomes.old, outcomes.new)),
        ],
  };
}

/** Whether the answer says that the credential is good, that it is not, or neither. */
function outcomeOf(
  { status, code, outcome }: ProbeAnswer,
  expectedStatus: number | undefined,
): Outcome {
  if (code !== undefined && NOT_SENT.includes(code)) return 'unsent';
  if (expectedStatus === undefined ? status > 0 && status < 400 : status === expectedStatus) {
    return 'accepted';
  }
  if (outcome === 'refused') return 'refused';
  const isRefusal = status >= 400 && status < 500 && !PASSING_STATUSES.includes(status);
  return isRefusal ? 'refused' : 'failed';
}

function findingOf({
  new: after,
  old: before,
}: Record<CutoverSide, Outcome>): ProbeFinding['finding'] {
  if (after === 'accepted') return 'accepted';
  return after === 'refused' && before === 'accepted' ? 'refused' : 'unclear';
}

function countsOf(own: Outcome, other: Outcome): CutoverCounts {
  if (own === 'unsent') return NO_COUNTS;
  const refused = own === 'refused';
  return {
    ...NO_COUNTS,
    [own]: 1,
    pairedRefusals: refused && other === 'accepted' ? 1 : 0,
    sharedRefusals: refused && other === 'refused' ? 1 : 0,
  };
}
