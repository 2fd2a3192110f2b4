import type { AlertKind, AlertUrgency } from '../alert.js';
import type { AlertCount } from '../alert-store.js';

/** An alert as the admin API shows it. */
export interface AlertAnswer {
  readonly id: string;
  readonly kind: AlertKind;
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
  readonly since: string;
  readonly lastSeenAt: string;
  readonly count: number;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
  readonly closedAt: string | null;
  readonly closedBecause: string | null;
}

/** Open alerts that nobody has acknowledged, as the admin API counts them. */
export interface AlertCountsAnswer {
  readonly total: number;
  /** The most urgent first. */
  readonly items: readonly AlertCount[];
}
