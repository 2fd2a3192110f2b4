import type { Cutover, CutoverEvidence, CutoverHold, CutoverObservation } from '../core/index.js';
import { evidenceOf } from './cutover-evidence.js';
import type { CutoverGround, ProbeFinding } from './cutover-ground.js';
import { clientsIn, type Figures, sumOf } from './figures.js';
import { findHold } from './find-hold.js';
import { judgePairs, pairsOf, withoutOneClient } from './judge-pairs.js';
import type { RecentFigures } from './recent-figures.js';

/** How often a good version may be rolled back by mistake in a step, however long it lasts. */
const STEP_ALPHA = 0.01;
/** The same for what came lately: a window of two days holds thousands of such moments. */
const RECENT_ALPHA = 1e-6;

/** Everything that a decision depends on. */
export interface CutoverSituation {
  readonly cutover: Cutover;
  /** Of all steps. */
  readonly observations: readonly CutoverObservation[];
  /** What came lately in this step. */
  readonly recent: RecentFigures;
  /** Names of clients that used the secret before the cutover, and so may be expected to do so again. */
  readonly expectedClients: ReadonlySet<string>;
  readonly ground: CutoverGround;
  /** What the newest probe said; undefined before one. */
  readonly probe: ProbeFinding | undefined;
  readonly nowMs: number;
}

export type CutoverDecision =
  | { readonly action: 'wait' }
  /** Ask the upstream with both versions, unless that was done a moment ago. */
  | { readonly action: 'probe' }
  | { readonly action: 'advance'; readonly evidence: CutoverEvidence }
  | {
      readonly action: 'hold';
      readonly hold: CutoverHold | null;
      readonly evidence: CutoverEvidence;
    }
  | {
      readonly action: 'complete' | 'rollback';
      /** In a sentence, for a person. */
      readonly reason: string;
      readonly evidence: CutoverEvidence;
    };

const WAIT: CutoverDecision = { action: 'wait' };
const PROBE: CutoverDecision = { action: 'probe' };

/**
 * What to do next about a cutover that is under way. Pure: the same situation gives the same decision. Rolls back
 * also while it is paused; everything else waits then.
 */
export function decideCutover(situation: CutoverSituation): CutoverDecision {
  const { cutover, observations, recent, ground, probe } = situation;
  const { settings, step } = cutover;
  const figures = observations.filter((one) => one.step === step);
  const question = {
    limit: settings.maxRefusalRatio,
    inWindow: cutover.state === 'CURRENT',
    clients: knownClients(situation),
  };
  const ofStep = judgePairs(figures, { ...question, alpha: STEP_ALPHA });
  const evidence = evidenceOf(step, figures, null, ofStep);
  const end = (action: 'complete' | 'rollback', reason: string): CutoverDecision => ({
    action,
    reason,
    evidence,
  });
  const holdUnlessHeld = (hold: CutoverHold | null): CutoverDecision =>
    hold === cutover.hold ? whereProbed(ground, PROBE) : { action: 'hold', hold, evidence };
  const rollsBack = settings.onRefusal === 'rollback';

  const failure = whyImpossible(situation);
  if (failure !== undefined && rollsBack) return end('rollback', failure);
  const lately = judgePairs(recent.figures, { ...question, alpha: RECENT_ALPHA });
  if (rollsBack) {
    if (ofStep.finding === 'refused') return end('rollback', refusals(evidence));
    if (lately.finding === 'refused') {
      const figuresLately = evidenceOf(step, recent.figures, recent.sinceMs, lately);
      return { action: 'rollback', reason: refusals(figuresLately), evidence: figuresLately };
    }
  }
  if (cutover.paused) return WAIT;
  if (failure !== undefined) return holdUnlessHeld('refused');
  if (cutover.state === 'PENDING') {
    return ground.probes.length > 0 && probe === undefined
      ? PROBE
      : { action: 'advance', evidence };
  }
  const hold = findHold({
    figures: recent.figures,
    verdict: judgePairs(recent.figures, { ...question, alpha: STEP_ALPHA }),
    limit: settings.maxRefusalRatio,
    onRefusal: settings.onRefusal,
    held: cutover.hold,
  });
  // Whether the routes file is there yet is found out by trying to go on.
  const isHeld = cutover.hold !== null && cutover.hold !== 'waiting_for_file';
  if (hold !== null || isHeld) return holdUnlessHeld(hold);
  if (cutover.state === 'CURRENT') {
    const isOver = cutover.windowEndsAtMs !== null && situation.nowMs >= cutover.windowEndsAtMs;
    return isOver ? end('complete', 'The window in which both versions were live is over.') : WAIT;
  }
  if (situation.nowMs - cutover.stepStartedAtMs < settings.stepMinSeconds * 1000) return WAIT;
  if (evidence.new.accepted < settings.stepMinSamples) return whereProbed(ground, PROBE);
  return inDoubt(figures, question) ? WAIT : { action: 'advance', evidence };
}

/** Why no request could succeed with the new version, as far as that is known without any. */
function whyImpossible({ cutover, ground, probe }: CutoverSituation): string | undefined {
  if (ground.failure !== undefined) {
    return `Route "${ground.failure.route}" cannot send the new version: ${ground.failure.detail}`;
  }
  if (cutover.state !== 'PENDING' || probe?.finding !== 'refused') return undefined;
  return `A probe of route "${probe.route}" was refused with the new version (status ${probe.status}) and accepted with the old one; no other request had it.`;
}

/**
 * Whether more pairs than the limit came, although too few to be sure: more samples will tell. The client with the
 * most of them is left out, so that no single one keeps a cutover from going on.
 */
function inDoubt(
  figures: Figures,
  { limit, clients }: { limit: number; clients: ReadonlySet<string> },
): boolean {
  const { x, n } = pairsOf(sumOf(withoutOneClient(figures, clients)));
  return x > n * limit;
}

/**
 * Who may get the new version: whoever sent requests since the cutover began, and, until the step has lasted its
 * least time, whoever did before it. So a client that is early cannot pass for the only one.
 */
function knownClients(situation: CutoverSituation): ReadonlySet<string> {
  const { cutover, observations, expectedClients, nowMs } = situation;
  const { stepMinSeconds, routes, clients } = cutover.settings;
  const all = cutover.state === 'CURRENT';
  const takesPart = (client: string): boolean =>
    all || clients === null || clients.includes(client);
  const known = new Set(
    clientsIn(
      observations.filter(
        ({ client, route }) =>
          takesPart(client) && (all || routes === null || routes.includes(route)),
      ),
    ),
  );
  if (nowMs - cutover.stepStartedAtMs >= stepMinSeconds * 1000) return known;
  const seen = new Set(observations.map(({ client }) => client));
  for (const name of expectedClients) {
    if (!seen.has(name) && takesPart(name)) known.add(`expected: ${name}`);
  }
  return known;
}

function whereProbed(ground: CutoverGround, decision: CutoverDecision): CutoverDecision {
  return ground.probes.length > 0 ? decision : WAIT;
}

function refusals({ new: { accepted, pairedRefusals }, route }: CutoverEvidence): string {
  const where = route === null ? '' : ` on route "${route}"`;
  return `The new version was refused ${pairedRefusals} times${where} where the old one was accepted, and accepted ${accepted} times.`;
}
