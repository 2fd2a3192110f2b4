import type { UsageDelta } from './usage.js';

export const ALERT_KINDS = [
  'cutover_rolled_back',
  'cutover_held',
  'credential_refused',
  'echo_hit',
  'rotation_due',
  'secret_overdue',
  'version_expiring',
  'secret_unused',
  'rows_altered',
  'rotation_failed',
  'rotation_needs_attention',
  'rotation_rolled_back',
  'rotation_awaiting_value',
  'key_used_elsewhere',
] as const;

/**
 * `cutover_rolled_back`: by Keyferry itself; `cutover_held`: for long; `credential_refused`: again and again, an
 * upstream's to Keyferry or a client's to it; `echo_hit`: a response held a value; `rotation_due` and `secret_overdue`:
 * the current version's age; `version_expiring`: the current version ends soon, or has; `rows_altered`: another
 * program wrote to the database; `rotation_…`: what became of a run; `key_used_elsewhere`: an old key is used at its
 * provider by others than Keyferry.
 */
export type AlertKind = (typeof ALERT_KINDS)[number];

export const ALERT_URGENCIES = ['notice', 'warning', 'urgent'] as const;
/** `notice`: in days; `warning`: today; `urgent`: now. */
export type AlertUrgency = (typeof ALERT_URGENCIES)[number];

/** Kinds of what has happened, where a person must look: they end when they are acknowledged, never by themselves. */
export const STAYING_ALERT_KINDS: readonly AlertKind[] = [
  'cutover_rolled_back',
  'echo_hit',
  'rows_altered',
  'rotation_failed',
  'rotation_rolled_back',
];

/** What a rule found. Names and numbers only. */
export interface AlertFinding {
  readonly kind: AlertKind;
  /** What it is about: of one kind, at most one alert is open about the same. */
  readonly subject: string;
  readonly urgency: AlertUrgency;
  /** Where it is over when the secret is gone. */
  readonly secretId?: string | undefined;
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
  readonly version?: number | undefined;
  readonly route?: string | undefined;
  readonly client?: string | undefined;
  readonly cutover?: string | undefined;
  /** What happened, in a sentence. */
  readonly summary: string;
  readonly whatToDo: string;
  /** The command that does it, or shows more. */
  readonly command: string;
  readonly sinceMs: number;
  /** How often it happened since it was last found. */
  readonly count: number;
}

/** What needs a person. */
export interface Alert {
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  readonly urgency: AlertUrgency;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly version: number | null;
  readonly route: string | null;
  readonly client: string | null;
  readonly cutover: string | null;
  readonly summary: string;
  readonly whatToDo: string;
  readonly command: string;
  readonly sinceMs: number;
  readonly lastSeenAtMs: number;
  readonly count: number;
  /** Taken back when it becomes more urgent. */
  readonly acknowledgedAtMs: number | null;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
  /** Null while it is open. */
  readonly closedAtMs: number | null;
  /** Why it is over, in words; null while it is open. */
  readonly closedBecause: string | null;
}

/** The current version of a secret in an environment, as the rules of time judge it. */
export interface SecretFacts {
  readonly secretId: string;
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly rotateEveryDays: number;
  readonly maximumAgeDays: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly currentSinceMs: number;
  readonly lastUsedAtMs: number | null;
  readonly isRouted: boolean;
  /** When it is rotated by itself; null where it is not, or that is not planned. */
  readonly nextRunAtMs: number | null;
  /** A run is open. */
  readonly isRotating: boolean;
  /** Alerts of the rules of time that are open about it. */
  readonly open: readonly OpenAlert[];
}

export type OpenAlert = Pick<Alert, 'id' | 'kind' | 'urgency' | 'lastSeenAtMs'>;

/** A client whose token was refused, as far as the request told. */
export interface ClientRefusal {
  /** Known where the token is right, and has expired or comes from elsewhere. */
  readonly clientId: string | undefined;
  /** The public beginning of the token. */
  readonly tokenId: string | undefined;
}

/** What the rules count as it happens. Called beside the request path: must not block or throw. */
export interface AlertCounts {
  clientRefused(refusal: ClientRefusal): void;
  usage(deltas: readonly UsageDelta[]): void;
}
