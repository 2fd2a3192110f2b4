import type { AlertFinding, Cutover, CutoverHold } from '../core/index.js';

const MINUTE_MS = 60_000;
/** An upstream's short outage is over by then. */
const HELD_MINUTES = 30;

const HOLDS: Readonly<Record<CutoverHold, string>> = {
  refused: 'the new version is refused',
  one_client: 'the new version is refused for one client only',
  unpaired_refusals:
    'the new version is refused, and nobody could try those requests with the old one',
  control_refused: 'the old version is refused too',
  upstream_failing: 'the upstream fails',
  new_failing: 'the upstream fails where it gets the new version',
  waiting_for_file: 'the routes file still names the old secret',
};

/** What to say of a cutover that Keyferry rolled back by itself. */
export function reportRollback(cutover: Cutover): AlertFinding {
  const { secret, environment, reason, endedAtMs, startedAtMs } = cutover;
  return {
    ...about(cutover),
    kind: 'cutover_rolled_back',
    urgency: 'urgent',
    summary: `The cutover of ${secret} in ${environment} to ${targetOf(cutover)} was rolled back: ${reason ?? 'it ended'}`,
    whatToDo: 'Look at the evidence, make a new key that the upstream takes, and begin again.',
    command: `keyferry cutover show ${secret} --environment ${environment}`,
    sinceMs: endedAtMs ?? startedAtMs,
  };
}

/** What to say at `nowMs` of a cutover under way that was first seen held at `heldSinceMs`; undefined before it is long. */
export function judgeHold(
  cutover: Cutover,
  heldSinceMs: number,
  nowMs: number,
): AlertFinding | undefined {
  const { secret, environment, hold } = cutover;
  if (hold === null || nowMs < heldSinceMs + HELD_MINUTES * MINUTE_MS) return undefined;
  return {
    ...about(cutover),
    kind: 'cutover_held',
    urgency: 'warning',
    summary: `The cutover of ${secret} in ${environment} to ${targetOf(cutover)} does not go on: ${HOLDS[hold]}.`,
    whatToDo: 'Look at what it waits for; then roll it back, complete it, or mend the cause.',
    command: `keyferry cutover show ${secret} --environment ${environment}`,
    sinceMs: heldSinceMs,
  };
}

function about({ id, secret, environment, toVersion }: Cutover) {
  const version = toVersion ?? undefined;
  return { subject: id, secret, environment, version, cutover: id, count: 1 };
}

/** The other secret's name may be outside of what a reader may see. */
function targetOf({ toVersion }: Cutover): string {
  return toVersion === null ? 'another secret' : `version ${toVersion}`;
}
