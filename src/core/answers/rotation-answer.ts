import type {
  MaintenanceWindow,
  PropagationCheck,
  ProviderId,
  ProviderKeyState,
  RotationSettings,
  RotationState,
  RunState,
  RunTrigger,
} from '../rotation.js';
import type { RotationStatus } from '../rotation-store.js';
import type { CutoverWithFigures } from './cutover-answer.js';

/** A run as the admin API shows it. */
export interface RunAnswer {
  readonly id: string;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  readonly resumesAs: RunState | null;
  readonly fromVersion: number | null;
  readonly toVersion: number | null;
  readonly oldKeyId: string | null;
  readonly newKeyId: string | null;
  readonly orphanKeyIds: readonly string[];
  readonly cutoverId: string | null;
  readonly attempts: number;
  readonly retryAt: string | null;
  readonly deadlineAt: string | null;
  readonly problem: string | null;
  readonly startedAt: string;
  readonly startedBy: string;
  readonly stateSince: string;
  readonly endedAt: string | null;
  readonly reason: string | null;
}

export interface RunWithEvents extends RunAnswer {
  readonly events: readonly {
    readonly at: string;
    readonly state: RunState;
    readonly actor: string;
    readonly note: string;
  }[];
}

export interface RunDetail extends RunWithEvents {
  readonly cutover: CutoverWithFigures | null;
}

/** A rotation as lists of the admin API show it. */
export interface RotationAnswer {
  readonly id: string;
  readonly secret: string;
  readonly environment: string;
  readonly provider: ProviderId;
  readonly state: RotationState;
  readonly status: RotationStatus;
  readonly nextRunAt: string | null;
  readonly intervalDays: number | null;
  readonly cron: string | null;
  readonly timezone: string;
  readonly window: MaintenanceWindow | null;
  readonly jitterMinutes: number;
  readonly gracePeriodMinutes: number;
  readonly soakMinutes: number;
  readonly propagationCheck: PropagationCheck | null;
  readonly cutover: RotationSettings['cutover'];
  readonly config: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  readonly run: RunAnswer | null;
}

/** By itself, and as its events show it. */
export interface RotationDetail extends Omit<RotationAnswer, 'run'> {
  readonly run: RunDetail | null;
  readonly keys: readonly {
    readonly version: number;
    readonly state: ProviderKeyState;
    readonly keyId: string | null;
  }[];
  readonly nextRuns: readonly string[];
}

/** What a secret shows of its rotation. */
export interface RotationOfSecret {
  readonly id: string;
  readonly provider: ProviderId;
  readonly state: RotationState;
  readonly status: RotationStatus;
  readonly nextRunAt: string | null;
  readonly run: {
    readonly id: string;
    readonly state: RunState;
    readonly problem: string | null;
  } | null;
}

export interface CheckAnswer {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly ok: boolean;
    readonly what: string;
    readonly detail: string;
  }[];
  readonly nextRuns: readonly string[];
}
