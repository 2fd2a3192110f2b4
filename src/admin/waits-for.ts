import { type Cutover, NO_COUNTS } from '../core/index.js';
import { HOLDS } from './describe-hold.js';
import type { StepFigures } from './step-figures.js';
import { toTimestamp } from './wire-time.js';

/** What a cutover waits for before it goes on, in words; empty when it has ended. */
export function waitsFor(
  cutover: Cutover,
  figures: readonly StepFigures[],
  nowMs: number,
): string[] {
  const { state, settings, hold } = cutover;
  if (state === 'COMPLETED' || state === 'ROLLED_BACK') return [];
  const waits: string[] = [];
  if (cutover.paused) waits.push('somebody to resume it: it is paused');
  if (hold !== null) waits.push(`the end of its hold: ${HOLDS[hold].explanation}`);
  if (state === 'PENDING') waits.push('probes of the routes that have one, then its first step');
  if (state === 'CANARY') {
    const found = figures.find(({ step }) => step === cutover.step)?.new;
    const { accepted: seen, pairedRefusals: pairs } = found ?? NO_COUNTS;
    const { stepMinSamples, stepMinSeconds, maxRefusalRatio } = settings;
    if (seen < stepMinSamples) waits.push(`${seen} of ${stepMinSamples} samples`);
    if (pairs > (seen + pairs) * maxRefusalRatio) {
      waits.push(
        `certainty: ${pairs} of ${seen + pairs} were refused, and accepted with the old one`,
      );
    }
    const untilMs = cutover.stepStartedAtMs + stepMinSeconds * 1000;
    if (nowMs < untilMs) {
      waits.push(`the step's ${stepMinSeconds} seconds, until ${toTimestamp(untilMs)}`);
    }
  }
  if (state === 'CURRENT' && cutover.windowEndsAtMs !== null) {
    const old = `version ${cutover.fromVersion} of ${cutover.secret}`;
    waits.push(
      `the end of the window, in which ${old} stays live: ${toTimestamp(cutover.windowEndsAtMs)}`,
    );
  }
  return waits.length === 0 ? ['the next decision, within seconds'] : waits;
}
