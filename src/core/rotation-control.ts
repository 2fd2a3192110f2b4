import type { Problem } from './errors.js';
import type { ProviderId, Rotation, RotationSettings } from './rotation.js';

export type RotationSchedule = Pick<
  RotationSettings,
  'intervalDays' | 'cron' | 'timezone' | 'window' | 'jitterMinutes'
>;

/** One thing that a check has tried at a provider. */
export interface CheckFinding {
  readonly ok: boolean;
  /** What was tried, in a few words: `list access keys`. */
  readonly what: string;
  /** What came of it and, where it is not ok, what to do: names only. */
  readonly detail: string;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly findings: readonly CheckFinding[];
  /** When it would run by itself, from now on. */
  readonly nextRunsAtMs: readonly number[];
}

/** What a provider is, for forms and documentation. */
export interface ProviderDescription {
  readonly id: ProviderId;
  readonly title: string;
  /** In a sentence. */
  readonly summary: string;
  /** JSON Schema of `config`; fields that name a secret of `_providers` have `"x-keyferry": "provider-secret"`. */
  readonly configSchema: Readonly<Record<string, unknown>>;
  /** Whether a person gives the new value. */
  readonly assisted: boolean;
  /** Whether its credentials expire by themselves, so that neither interval nor cron is needed. */
  readonly byExpiry: boolean;
  /** Fields of the secret's value; empty where it is one text. */
  readonly fields: readonly string[];
}

/** What the admin API needs of rotations beside the store. */
export interface RotationControl {
  providers(): readonly ProviderDescription[];
  /** What is wrong with the settings, by the path of each field; empty where nothing is. */
  problemsOf(settings: RotationSettings): readonly Problem[];
  /**
   * The first time after `fromMs` that the schedule and its window allow, later by a jitter that is drawn anew each
   * time; null where an expiry decides.
   */
  nextRunAtMs(schedule: RotationSchedule, fromMs: number): number | null;
  /** Tries connection, credentials and permissions at the provider; changes nothing there or here. */
  check(
    rotation: Pick<Rotation, 'secret' | 'environment'> & RotationSettings,
  ): Promise<CheckReport>;
  /** Something changed: what is due is looked at now. */
  wake(): void;
}
