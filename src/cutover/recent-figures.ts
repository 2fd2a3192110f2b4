import { type CutoverObservation, NO_COUNTS } from '../core/index.js';
import { attemptsOf, combine, type Figures } from './figures.js';

/** What is over for a while is not recent, unless fewer attempts than these came since: of a quiet secret an hour is. */
const RECENT_ATTEMPTS = 50;
/** The while is the least time of a step, within these bounds. */
const SHORTEST_MS = 5000;
const LONGEST_MS = 60_000;
const SAMPLES = 6;

interface Sample {
  atMs: number;
  readonly figures: Figures;
  readonly attempts: number;
}

export interface RecentFigures {
  readonly figures: Figures;
  /** Null = since the step began. */
  readonly sinceMs: number | null;
}

/**
 * Remembers what the figures of one step were, so that an outage that is over does not count for ever. In memory
 * alone: after a restart all of the step is recent, which can only make a cutover wait.
 */
export class RecentWindow {
  readonly #lengthMs: number;
  readonly #samples: Sample[] = [];

  constructor(stepMinSeconds: number) {
    this.#lengthMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, stepMinSeconds * 1000));
  }

  /** Takes the totals of the step as they are now, and tells what came since the window began. */
  take(figures: Figures, nowMs: number): RecentFigures {
    const samples = this.#samples;
    // A clock that was put back makes no sample one of the future.
    for (const sample of samples) sample.atMs = Math.min(sample.atMs, nowMs);
    const attempts = figures.reduce((sum, one) => sum + attemptsOf(one), 0);
    const isBefore = (sample: Sample | undefined): boolean =>
      sample !== undefined &&
      nowMs - sample.atMs >= this.#lengthMs &&
      attempts - sample.attempts >= RECENT_ATTEMPTS;
    while (isBefore(samples[1])) samples.shift();
    const last = samples.at(-1);
    if (last === undefined || nowMs - last.atMs >= this.#lengthMs / SAMPLES) {
      // Nothing new: the later one serves as well, and a quiet secret gathers none.
      if (last !== undefined && last.attempts === attempts) last.atMs = nowMs;
      else samples.push({ atMs: nowMs, figures, attempts });
    }
    const [start] = samples;
    if (start === undefined || !isBefore(start)) return { figures, sinceMs: null };
    return { figures: since(start.figures, figures), sinceMs: start.atMs };
  }
}

function since(before: Figures, now: Figures): Figures {
  const known = new Map(before.map((one) => [keyOf(one), one]));
  return now.map((one) => ({
    ...one,
    ...combine(one, known.get(keyOf(one)) ?? NO_COUNTS, (a, b) => Math.max(0, a - b)),
  }));
}

function keyOf({ side, route, clientId }: CutoverObservation): string {
  return `${side} ${route} ${clientId}`;
}
