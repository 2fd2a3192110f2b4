import { binomialTail } from './binomial-tail.js';
import {
  byRoute,
  clientWithMost,
  type Figures,
  type SideCounts,
  sumOf,
  without,
  withoutLoudest,
} from './figures.js';
import type { Share } from './fisher-tail.js';
import { isAbove, isWorse } from './is-above.js';

/** How sure it must be that the old version fares better where it is refused as well. */
const CONTROL_ALPHA = 0.01;

export interface PairsQuestion {
  /** The share of paired refusals that is borne. */
  readonly limit: number;
  /** How often a version that keeps to it may be found to exceed it. */
  readonly alpha: number;
  /** All requests take the new version first: the old one is tried only where it was refused. */
  readonly inWindow: boolean;
  /** Every client known to send such requests, also where the figures have none of it. */
  readonly clients: ReadonlySet<string>;
}

export interface PairsVerdict {
  /**
   * `refused`: above the limit, not by the word of one client alone, and more than the old version;
   * `one_client`: by the word of one client; `control_refused`: not clearly more than the old version.
   */
  readonly finding: 'bearable' | 'refused' | 'one_client' | 'control_refused';
  /** The route on which it was found; null = on all together. */
  readonly route: string | null;
  readonly probability: number | null;
  readonly probabilityWithoutClient: number | null;
}

const GRAVITY = { refused: 3, one_client: 2, control_refused: 1, bearable: 0 } as const;

/**
 * Whether the new version is refused where the old one is accepted: on all routes together (half of `alpha`), and on
 * each by itself (the other half), because a key that lacks one permission is refused on one route only.
 */
export function judgePairs(figures: Figures, question: PairsQuestion): PairsVerdict {
  const routes = byRoute(figures);
  if (routes.size <= 1) return judge(figures, null, question);
  const alpha = question.alpha / 2;
  let gravest = judge(figures, null, { ...question, alpha });
  for (const [route, own] of routes) {
    const verdict = judge(own, route, { ...question, alpha: alpha / routes.size });
    if (GRAVITY[verdict.finding] > GRAVITY[gravest.finding]) gravest = verdict;
  }
  return gravest;
}

/** Attempts with the new version that were judged, and those of them that the old version would have passed. */
export function pairsOf({ new: { accepted, pairedRefusals } }: SideCounts): Share {
  return { x: pairedRefusals, n: accepted + pairedRefusals };
}

/** Without the client that has the most of them, unless nobody else sends requests. */
export function withoutOneClient(figures: Figures, clients: ReadonlySet<string>): Figures {
  const most = clientWithMost(figures, ({ side, pairedRefusals }) =>
    side === 'new' ? pairedRefusals : 0,
  );
  const hasOthers = most !== undefined && [...clients].some((client) => client !== most);
  return hasOthers ? without(figures, most) : figures;
}

function judge(figures: Figures, route: string | null, question: PairsQuestion): PairsVerdict {
  const { limit, alpha, inWindow, clients } = question;
  const pairs = pairsOf(sumOf(figures));
  if (pairs.x === 0) {
    return { finding: 'bearable', route, probability: null, probabilityWithoutClient: null };
  }
  const kept = withoutOneClient(figures, clients);
  const keptPairs = pairsOf(sumOf(kept));
  const found = {
    route,
    probability: binomialTail(pairs.x, pairs.n, limit),
    probabilityWithoutClient:
      kept === figures ? null : binomialTail(keptPairs.x, keptPairs.n, limit),
  };
  if (!isAbove(pairs, limit, alpha)) return { finding: 'bearable', ...found };
  if (!isAbove(keptPairs, limit, alpha)) return { finding: 'one_client', ...found };
  const controlIsRefused = inWindow ? retriesAreRefused(kept) : oldIsRefused(kept);
  return { finding: controlIsRefused ? 'control_refused' : 'refused', ...found };
}

/**
 * Both directions of pairs, among requests that had the one or the other version first (McNemar's question: requests
 * that both accept or both refuse say nothing). An upstream that refuses at random gives as many of either.
 */
function oldIsRefused(figures: Figures): boolean {
  const quiet = withoutLoudest(figures, ({ side, pairedRefusals }) =>
    side === 'old' ? pairedRefusals : 0,
  );
  const counts = sumOf(quiet);
  const { old: before, new: after } = counts;
  const control = firstAttempts(before.accepted, before.pairedRefusals, after.pairedRefusals);
  const tried = firstAttempts(after.accepted, after.pairedRefusals, before.pairedRefusals);
  return control.x > 0 && !isWorse(tried, control, CONTROL_ALPHA);
}

/** What the other version made good is among its accepted attempts. */
function firstAttempts(accepted: number, paired: number, pairedOfOther: number): Share {
  return { x: paired, n: Math.max(0, accepted - pairedOfOther) + paired };
}

/**
 * In the window no request has the old version first. Where it too refuses what the new one refused, and as often
 * as the new one refuses anything, chance refuses, or the callers are wrong.
 */
function retriesAreRefused(figures: Figures): boolean {
  const quiet = withoutLoudest(figures, ({ sharedRefusals }) => sharedRefusals);
  const { accepted, pairedRefusals, sharedRefusals } = sumOf(quiet).new;
  const retried = pairedRefusals + sharedRefusals;
  const control = { x: sharedRefusals, n: retried };
  const tried = { x: retried, n: accepted + retried };
  return control.x > 0 && !isWorse(tried, control, CONTROL_ALPHA);
}
