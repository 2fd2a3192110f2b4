import type { AgeMark } from './age-mark.js';

/** Days up to which a band reaches; the last one has no end. */
export const AGE_BANDS_DAYS = [30, 90, 180, 365] as const;

/** How many current versions of an environment are of an age, by how that is judged for each. */
export interface AgeBand extends Readonly<Record<AgeMark, number>> {
  /** Below this; null = from the one before it on. */
  readonly belowDays: number | null;
}

/** How old the current versions were when they were counted. */
export interface SecretAges {
  readonly countedAtMs: number;
  /** Those that hold any, by name. */
  readonly environments: readonly {
    readonly environment: string;
    readonly bands: readonly AgeBand[];
  }[];
}
