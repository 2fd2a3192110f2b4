import type { CutoverSettings } from './cutover.js';

export const PROVIDER_IDS = [
  'aws',
  'stripe',
  'custom',
  'oauth2',
  'postgres',
  'mysql',
  'command',
] as const;
export type ProviderId = (typeof PROVIDER_IDS)[number];

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** When runs may begin: wall-clock time in the rotation's time zone. `until` at or before `from` = the next day. */
export interface MaintenanceWindow {
  /** Days on which it begins; all seven where nothing is said. */
  readonly days: readonly Weekday[];
  /** `HH:MM`. */
  readonly from: string;
  readonly until: string;
}

/** Whether a new value works where it is used, beyond what its provider says of it. */
export interface PropagationCheck {
  /**
   * A path (`/stripe/v1/balance`): requested as an app would, with the new version, before any app has it. Or an
   * address (`https://…`): requested without a credential once the new version is current.
   */
  readonly endpoint: string;
  readonly expectedStatus: number;
}

/** How a secret is rotated in an environment. */
export interface RotationSettings {
  readonly provider: ProviderId;
  /** 1 to 365; null where `cron` says when, or where the credential's expiry does. */
  readonly intervalDays: number | null;
  /** Five fields, in `timezone`. */
  readonly cron: string | null;
  /** IANA name. */
  readonly timezone: string;
  /** Null = at any time. */
  readonly window: MaintenanceWindow | null;
  /** A scheduled run begins up to so much later than the schedule says: drawn once per run, when it is planned. */
  readonly jitterMinutes: number;
  /** How long both versions stay live once the new one is current. */
  readonly gracePeriodMinutes: number;
  /** How long the old key stays disabled at the provider, where that can be undone, before it is deleted. */
  readonly soakMinutes: number;
  readonly propagationCheck: PropagationCheck | null;
  /** What differs from `DEFAULT_CUTOVER_SETTINGS`; the grace period is its window. */
  readonly cutover: Partial<Omit<CutoverSettings, 'windowMinutes'>>;
  /** What the provider needs to know, by its own schema; credentials are names of secrets of `_providers`. */
  readonly config: Readonly<Record<string, unknown>>;
}

export const DEFAULT_ROTATION_SETTINGS = {
  timezone: 'UTC',
  window: null,
  jitterMinutes: 0,
  gracePeriodMinutes: 2880,
  soakMinutes: 1440,
  propagationCheck: null,
  cutover: {},
} as const satisfies Partial<RotationSettings>;

export const ROTATION_STATES = ['active', 'paused'] as const;
/** `paused`: no run begins by itself, and the open one rests where it is. */
export type RotationState = (typeof ROTATION_STATES)[number];

/** A secret of an environment that is rotated by a provider; at most one for each. */
export interface Rotation extends RotationSettings {
  readonly id: string;
  readonly secret: string;
  readonly environment: string;
  readonly state: RotationState;
  /** Null while a run is open, and where nothing is planned (an expiry that is not known yet). */
  readonly nextRunAtMs: number | null;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly updatedAtMs: number;
  /** The open run, or else the newest; null before the first. */
  readonly run: RotationRun | null;
}

export const RUN_STATES = [
  'PLANNED',
  'PREFLIGHT',
  'AWAITING_VALUE',
  'MINTING',
  'MINTED',
  'PROBING',
  'CUTOVER',
  'GRACE',
  'DISABLING',
  'SOAK',
  'REVOKING',
  'DONE',
  'ROLLING_BACK',
  'CLEANUP',
  'ROLLED_BACK',
  'FAILED',
  'NEEDS_ATTENTION',
] as const;

/**
 * `PLANNED` → `PREFLIGHT` (may it be done?) → `MINTING` → `MINTED` → `PROBING` (does the new value work?) → `CUTOVER`
 * → `GRACE` (both live) → `DISABLING` → `SOAK` (the old one off, not yet gone) → `REVOKING` → `DONE`. From `PROBING` to
 * `SOAK` also `ROLLING_BACK` → `CLEANUP` (the new key goes) → `ROLLED_BACK`. `AWAITING_VALUE`: a person pastes it.
 * `FAILED`: nothing was made, or what was made is gone. `NEEDS_ATTENTION`: rests until a person resumes or ends it.
 */
export type RunState = (typeof RUN_STATES)[number];

export const ENDED_RUN_STATES = [
  'DONE',
  'ROLLED_BACK',
  'FAILED',
] as const satisfies readonly RunState[];

export function isRunEnded(state: RunState): boolean {
  return (ENDED_RUN_STATES as readonly RunState[]).includes(state);
}

/** Where each state may go. The store refuses every other step. */
export const RUN_TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  PLANNED: ['PREFLIGHT', 'FAILED', 'NEEDS_ATTENTION'],
  PREFLIGHT: ['MINTING', 'AWAITING_VALUE', 'FAILED', 'NEEDS_ATTENTION'],
  AWAITING_VALUE: ['MINTED', 'FAILED', 'NEEDS_ATTENTION'],
  MINTING: ['MINTED', 'CLEANUP', 'FAILED', 'NEEDS_ATTENTION'],
  MINTED: ['PROBING', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  PROBING: ['CUTOVER', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  CUTOVER: ['GRACE', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  GRACE: ['DISABLING', 'REVOKING', 'DONE', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  DISABLING: ['SOAK', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  SOAK: ['REVOKING', 'DONE', 'ROLLING_BACK', 'NEEDS_ATTENTION'],
  REVOKING: ['DONE', 'NEEDS_ATTENTION'],
  DONE: [],
  ROLLING_BACK: ['CLEANUP', 'NEEDS_ATTENTION'],
  CLEANUP: ['ROLLED_BACK', 'FAILED', 'NEEDS_ATTENTION'],
  ROLLED_BACK: [],
  FAILED: [],
  // Back to where it stood, or given up.
  NEEDS_ATTENTION: [
    'PREFLIGHT',
    'AWAITING_VALUE',
    'MINTING',
    'MINTED',
    'PROBING',
    'CUTOVER',
    'GRACE',
    'DISABLING',
    'SOAK',
    'REVOKING',
    'ROLLING_BACK',
    'CLEANUP',
    'FAILED',
  ],
};

export const RUN_TRIGGERS = ['schedule', 'manual', 'emergency'] as const;
/** `emergency`: short waits, and the old key is revoked at once after the first verified traffic. */
export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/**
 * `resume`: from `NEEDS_ATTENTION` on. `rollback`: as far back as can be gone (before `MINTING` and from
 * `AWAITING_VALUE`: `FAILED`; from `MINTING`: `CLEANUP`; later: `ROLLING_BACK`), `conflict` from `REVOKING` on.
 * `emergency`: on from where it is, without further waits, and from `NEEDS_ATTENTION` on; `conflict` where it is being
 * taken back, or its rotation is paused.
 */
export type RunDirection = 'resume' | 'rollback' | 'emergency';

/** One passage from an old key to a new one. Names, numbers and ids only: never a value. */
export interface RotationRun {
  readonly id: string;
  readonly rotationId: string;
  readonly secret: string;
  readonly environment: string;
  readonly provider: ProviderId;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  /** What `NEEDS_ATTENTION` came from; null in every other state. */
  readonly resumesAs: RunState | null;
  /** Counts its leases: what an older holder still writes is refused. */
  readonly epoch: number;
  /** Whose account it works on at the provider: one open run at a time. Null before `PREFLIGHT` knows it. */
  readonly principal: string | null;
  /** The version that was current when the new one was minted; null for none. */
  readonly fromVersion: number | null;
  /** Reserved at `MINTING`, sealed at `MINTED`. */
  readonly toVersion: number | null;
  /** Idempotency key of the minting. */
  readonly stepId: string | null;
  /** Ids of the keys that the provider had before the minting; null where it cannot list them. */
  readonly keyIdsBefore: readonly string[] | null;
  /** The provider's id of the key in use before, and of the new one; null where it gives none. */
  readonly oldKeyId: string | null;
  readonly newKeyId: string | null;
  /** Keys that this run made and could not use: to be deleted before it goes on. */
  readonly orphanKeyIds: readonly string[];
  readonly cutoverId: string | null;
  /** Attempts in this state that failed, or of which it is not known: in `MINTING` counted before each begins. */
  readonly attempts: number;
  /** Not tried again before then; null = at once. */
  readonly retryAtMs: number | null;
  /** When the wait of this state is over; null without one. */
  readonly deadlineAtMs: number | null;
  /** What keeps it from going on, in a sentence for a person; null where nothing does. */
  readonly problem: string | null;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly stateSinceMs: number;
  readonly endedAtMs: number | null;
  /** Why it ended, in a sentence for a person; null while it is open. */
  readonly reason: string | null;
}

/** One line of a run's history. */
export interface RunEvent {
  readonly atMs: number;
  readonly state: RunState;
  readonly actor: string;
  /** In a sentence for a person. */
  readonly note: string;
}

export const PROVIDER_KEY_STATES = [
  'none',
  'unknown',
  'live',
  'disabled',
  'revoked',
  'expired',
] as const;
/** What a version's key is at its provider; `none`: no provider made it, `unknown`: it may have. */
export type ProviderKeyState = (typeof PROVIDER_KEY_STATES)[number];

/** A version's key at its provider. */
export interface ProviderKey {
  readonly version: number;
  readonly state: ProviderKeyState;
  /** Null where the provider gives none. */
  readonly keyId: string | null;
}
