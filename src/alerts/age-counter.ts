import {
  AGE_BANDS_DAYS,
  type AgeBand,
  type AgeMark,
  markAgeWithin,
  type SecretAges,
  type SecretFacts,
} from '../core/index.js';

const DAY_MS = 86_400_000;

/** Adds up how old current versions are, as a sweep goes over them. */
export class AgeCounter {
  readonly #nowMs: number;
  readonly #bands = new Map<string, Record<AgeMark, number>[]>();

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  add({ environment, maximumAgeDays, ...version }: SecretFacts): void {
    const ageMs = this.#nowMs - version.createdAtMs;
    const found = AGE_BANDS_DAYS.findIndex((days) => ageMs < days * DAY_MS);
    let bands = this.#bands.get(environment);
    if (bands === undefined) {
      bands = [...AGE_BANDS_DAYS, null].map(() => ({ fresh: 0, ageing: 0, overdue: 0 }));
      this.#bands.set(environment, bands);
    }
    const band = bands[found === -1 ? AGE_BANDS_DAYS.length : found];
    if (band !== undefined) band[markAgeWithin(maximumAgeDays, version, this.#nowMs)]++;
  }

  get counted(): SecretAges {
    const environments = [...this.#bands].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      countedAtMs: this.#nowMs,
      environments: environments.map(([environment, bands]) => ({
        environment,
        bands: bands.map(
          (counts, index): AgeBand => ({ belowDays: AGE_BANDS_DAYS[index] ?? null, ...counts }),
        ),
      })),
    };
  }
}
