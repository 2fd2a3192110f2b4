import type { CutoverHold } from '../core/index.js';

export interface HoldDescription {
  readonly explanation: string;
  /** What a person can do about it. */
  readonly whatToDo: string;
}

/** Why a cutover does not go on by itself, in words. */
export const HOLDS: Readonly<Record<CutoverHold, HoldDescription>> = {
  refused: {
    explanation: 'The upstream refuses the new version and accepts the old one.',
    whatToDo:
      'Roll it back and look at the new value: was it copied whole, and does it have the same permissions? Where these refusals are expected, complete it by hand.',
  },
  one_client: {
    explanation:
      'The new version is refused for one client only, and no single client can decide about all.',
    whatToDo:
      'See in the figures which client it is and what it asks for. Roll back where the new key lacks a permission; otherwise the cutover goes on when the refusals stop.',
  },
  unpaired_refusals: {
    explanation:
      'The new version is refused, and those requests could not be tried again with the old one (a body that was not kept, or a route without retries).',
    whatToDo:
      'Give the route a probe, or try the version by hand with "versions test"; then complete the cutover or roll it back.',
  },
  control_refused: {
    explanation:
      'The upstream refuses the old version as well: the refusals say nothing about the new one.',
    whatToDo:
      'Look at the upstream, or at what the callers ask for. It goes on by itself when the old version is accepted again.',
  },
  upstream_failing: {
    explanation: 'The upstream fails with both versions.',
    whatToDo: 'Wait: it goes on by itself when the upstream works again.',
  },
  new_failing: {
    explanation:
      'The upstream fails (5xx, or no response) with the new version and not with the old one.',
    whatToDo:
      'Such failures are not refusals, so nothing is rolled back by itself. Look at what the upstream says, then roll back or complete it.',
  },
  waiting_for_file: {
    explanation: 'The routes file still names the old secret.',
    whatToDo:
      'Change the routes file ("routes replace-secret" can do it); the cutover goes on when the file is read again.',
  },
};
