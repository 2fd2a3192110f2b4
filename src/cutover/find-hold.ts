import type { CutoverHold, OnRefusal } from '../core/index.js';
import {
  attemptsOf,
  byRoute,
  type Figures,
  type SideCounts,
  sumOf,
  unpairedOf,
  withoutLoudest,
} from './figures.js';
import type { Share } from './fisher-tail.js';
import { isAbove, isWorse } from './is-above.js';
import { type PairsVerdict, pairsOf } from './judge-pairs.js';

/** An upstream that fails or refuses more than one request in ten whatever the version is no judge of versions. */
const BROKEN_RATIO = 0.1;
const ALPHA = 0.01;

export interface HoldQuestion {
  /** What came lately. */
  readonly figures: Figures;
  /** What pairs among these figures say. */
  readonly verdict: PairsVerdict;
  readonly limit: number;
  readonly onRefusal: OnRefusal;
  /** The hold that is on: it ends when the share falls to its limit, not when it ceases to be significant. */
  readonly held: CutoverHold | null;
}

interface Cause {
  readonly hold: CutoverHold;
  readonly begins: boolean;
  readonly lasts: boolean;
}

/** The gravest reason why the cutover must not go on now; null when there is none. */
export function findHold(question: HoldQuestion): CutoverHold | null {
  const found = causes(question).find(
    ({ hold, begins, lasts }) => begins || (lasts && hold === question.held),
  );
  return found?.hold ?? null;
}

/** The gravest first. */
function causes({ figures, verdict, limit, onRefusal }: HoldQuestion): readonly Cause[] {
  const { finding } = verdict;
  const areMany = hasManyPairs(figures, limit);
  const refused = refusedByBoth(figures);
  const { old: before, new: after } = sumOf(withoutLoudest(figures, ({ failed }) => failed));
  const [failing, control] = [failuresOf(after), failuresOf(before)];
  const isWorseOff = isWorse(failing, control, ALPHA);
  const counts = sumOf(figures);
  const [unpaired, unpairedControl] = [unpairedShare(counts.new), unpairedShare(counts.old)];
  return [
    { hold: 'refused', begins: finding === 'refused' && onRefusal === 'hold', lasts: areMany },
    { hold: 'one_client', begins: finding === 'one_client', lasts: areMany },
    {
      hold: 'control_refused',
      begins: finding === 'control_refused' || isAbove(refused, BROKEN_RATIO, ALPHA),
      lasts: areMany || exceeds(refused, BROKEN_RATIO),
    },
    {
      hold: 'upstream_failing',
      begins: isAbove(failing, BROKEN_RATIO, ALPHA) && !isWorseOff,
      lasts: exceeds(failing, BROKEN_RATIO),
    },
    {
      hold: 'new_failing',
      begins: isAbove(failing, limit, ALPHA) && isWorseOff,
      lasts: exceeds(failing, limit) && shareOf(failing) > shareOf(control),
    },
    {
      hold: 'unpaired_refusals',
      begins:
        isAbove(unpaired, limit, ALPHA) &&
        (unpairedControl.x === 0 || isWorse(unpaired, unpairedControl, ALPHA)),
      lasts: exceeds(unpaired, limit) && shareOf(unpaired) > shareOf(unpairedControl),
    },
  ];
}

function hasManyPairs(figures: Figures, limit: number): boolean {
  if (exceeds(pairsOf(sumOf(figures)), limit)) return true;
  return [...byRoute(figures).values()].some((own) => exceeds(pairsOf(sumOf(own)), limit));
}

/** Of all requests, those that were refused and not by the new version alone; without the loudest client. */
function refusedByBoth(figures: Figures): Share {
  const quiet = withoutLoudest(figures, ({ side, refused }) => (side === 'old' ? refused : 0));
  const { old: before, new: after }: SideCounts = sumOf(quiet);
  const x = before.sharedRefusals + before.pairedRefusals + unpairedOf(before);
  return { x, n: before.accepted + after.accepted + x + unpairedOf(after) };
}

function failuresOf(counts: SideCounts['new']): Share {
  return { x: counts.failed, n: attemptsOf(counts) };
}

function unpairedShare(counts: SideCounts['new']): Share {
  const x = unpairedOf(counts);
  return { x, n: counts.accepted + x };
}

function exceeds({ x, n }: Share, limit: number): boolean {
  return x > n * limit;
}

function shareOf({ x, n }: Share): number {
  return n === 0 ? 0 : x / n;
}
