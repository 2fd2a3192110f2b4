import type { Page, PageRequest } from './page.js';
import type { ByActor } from './ports.js';
import type {
  ProviderKey,
  Rotation,
  RotationRun,
  RotationSettings,
  RotationState,
  RunDirection,
  RunEvent,
  RunState,
  RunTrigger,
} from './rotation.js';
import type { SecretValue } from './secret-value.js';

/** `failed`: the newest run failed, was rolled back or needs attention; `running`: a run is open; `overdue`: it should have begun. */
export const ROTATION_STATUSES = ['ok', 'running', 'failed', 'overdue', 'paused'] as const;
export type RotationStatus = (typeof ROTATION_STATUSES)[number];

export interface RotationFilter extends PageRequest {
  readonly secret?: string | undefined;
  /** Of any of these. */
  readonly secrets?: readonly string[] | undefined;
  readonly environment?: string | undefined;
  readonly status?: RotationStatus | undefined;
  /** Active ones that are to run before this; the soonest first. */
  readonly dueBeforeMs?: number | undefined;
  /** False: active ones that have neither a next run nor an open one. */
  readonly planned?: false | undefined;
  readonly environments?: readonly string[] | undefined;
  readonly secretPrefix?: string | undefined;
}

/** Who works on a run: what it writes is taken only while it holds the newest lease. */
export interface RunLease {
  readonly id: string;
  readonly epoch: number;
}

/** What a step changes of a run; what is left out stays. */
export interface RunChanges {
  readonly principal?: string;
  readonly stepId?: string;
  readonly keyIdsBefore?: readonly string[] | null;
  readonly oldKeyId?: string | null;
  readonly newKeyId?: string | null;
  readonly orphanKeyIds?: readonly string[];
  readonly cutoverId?: string;
  readonly attempts?: number;
  readonly retryAtMs?: number | null;
  readonly deadlineAtMs?: number | null;
  readonly problem?: string | null;
}

/** Where a step found the run: it is taken back with `conflict` when the lease or the state is another one. */
interface RunPlace extends ByActor {
  readonly lease: RunLease;
  readonly ifState: RunState;
  /** By which it was decided. Where the run has become an emergency meanwhile, the step lets nothing wait. */
  readonly trigger?: RunTrigger;
}

interface RunStep extends RunPlace {
  /**
   * A state of `RUN_TRANSITIONS`, or the same one where only `changes` are written. A new state begins with no
   * attempts, no `retryAtMs`, no `deadlineAtMs` and no problem, unless `changes` say so; a deadline is kept while the
   * run needs attention, and when it goes on where it stood.
   */
  readonly to: RunState;
  readonly changes?: RunChanges;
  /** For the history and the audit row. Left out where nothing happened that a person would want to read. */
  readonly note?: string;
  /** Why it ended: with a state that is an end. */
  readonly reason?: string;
  /** What became of keys at the provider, in the same transaction. */
  readonly keys?: readonly ProviderKey[];
}

/**
 * Rotations and their runs at rest; part of `Store`. Each command is one transaction with its audit row. Unknown ids
 * throw `not_found`. Commands on a run that has ended throw `conflict`. A rotation or run that another program altered
 * is shown by lists only: to get it, or to work on it, throws `database_corrupt`.
 */
export interface RotationStore {
  /** Throws `conflict` where the secret has one in the environment already, `not_found`, `environment_unknown`. */
  enableRotation(
    command: ByActor &
      RotationSettings & { secret: string; environment: string; nextRunAtMs: number | null },
  ): Promise<Rotation>;
  /**
   * The provider stays. Throws `conflict` for another `config` while a run is open, `precondition_failed` when it was
   * changed at another time than `ifUpdatedAtMs`.
   */
  updateRotation(
    command: ByActor & {
      id: string;
      changes: Partial<Omit<RotationSettings, 'provider'>>;
      nextRunAtMs: number | null;
      ifUpdatedAtMs?: number | undefined;
    },
  ): Promise<Rotation>;
  setRotationState(command: ByActor & { id: string; state: RotationState }): Promise<Rotation>;
  /** Its runs are kept. Throws `conflict` while one is open. */
  disableRotation(command: ByActor & { id: string }): Promise<void>;
  getRotation(id: string): Promise<Rotation | undefined>;
  findRotation(secret: string, environment: string): Promise<Rotation | undefined>;
  /** By secret and environment. */
  listRotations(filter: RotationFilter): Promise<Page<Rotation>>;
  /** Moves the next run, where nothing else has since `ifNextRunAtMs` was read. Writes no audit row. */
  planRotation(command: {
    id: string;
    ifNextRunAtMs: number | null;
    nextRunAtMs: number | null;
  }): Promise<void>;
  /** When the next run is planned, over all that are not paused; undefined for none. */
  nextDueAtMs(): Promise<number | undefined>;
  /** Active ones whose next run is due and that have no open run, those due first first. */
  dueRotations(atMs: number, limit: number): Promise<readonly Rotation[]>;

  /**
   * Begins a run in `PLANNED`, and empties `nextRunAtMs`. Throws `conflict` while one is open or the rotation is
   * paused, and, with `ifNextRunAtMs`, where another process has begun it.
   */
  startRun(
    command: ByActor & {
      rotationId: string;
      trigger: RunTrigger;
      /** A person's, for the history and the audit row. */
      reason?: string | undefined;
      ifNextRunAtMs?: number | undefined;
    },
  ): Promise<RotationRun>;
  getRun(id: string): Promise<RotationRun | undefined>;
  /** Newest first. */
  listRuns(rotationId: string, page: PageRequest): Promise<Page<RotationRun>>;
  /** Oldest first. */
  runEvents(id: string): Promise<readonly RunEvent[]>;
  /**
   * All that are open, of rotations that are not paused, that nobody holds and that wait for no person
   * (`AWAITING_VALUE`, `NEEDS_ATTENTION`), oldest first.
   */
  claimableRuns(limit: number): Promise<readonly RotationRun[]>;
  /** Undefined while somebody else holds it or the rotation is paused. The lease ends by the clock of the store. */
  claimRun(command: {
    id: string;
    holder: string;
    leaseMs: number;
  }): Promise<RotationRun | undefined>;
  /** False when it was lost. */
  renewLease(command: RunLease & { leaseMs: number }): Promise<boolean>;
  releaseRun(lease: RunLease): Promise<void>;
  /** Throws `conflict` also for a principal that another open run works on. */
  advanceRun(command: RunStep): Promise<RotationRun>;
  /**
   * From `PREFLIGHT` (or `NEEDS_ATTENTION`) to `MINTING`: reserves the number of the new version, and keeps `material`,
   * what the new key is made of on this side, sealed. Done again in `MINTING`, it takes the place of the earlier
   * material and step id. The reserved version's key counts as `none` until `keys` of a step say otherwise.
   */
  reserveVersion(
    command: Omit<RunStep, 'to' | 'changes'> & {
      readonly stepId: string;
      readonly material?: SecretValue | undefined;
      readonly changes?: RunChanges;
    },
  ): Promise<RotationRun>;
  /** What `reserveVersion` has kept; undefined when there was none, or the version is sealed. */
  openMaterial(lease: RunLease): Promise<SecretValue | undefined>;
  /**
   * To `MINTED`: the reserved version (from `AWAITING_VALUE`: a new one) gets its value and is staged, its key is
   * `live`. `credentials` are new current versions of secrets of `_providers` that the minting has used up, in the
   * same transaction. The material is erased.
   */
  sealMinted(
    command: Omit<RunStep, 'to' | 'keys'> & {
      readonly value: SecretValue;
      readonly fields?: readonly string[] | undefined;
      readonly expiresAtMs?: number | undefined;
      readonly credentials?: readonly { readonly secret: string; readonly value: SecretValue }[];
    },
  ): Promise<RotationRun>;
  /** A person's word on an open run, whoever holds it. Its next write is refused, but for `emergency`. */
  directRun(
    command: ByActor & {
      id: string;
      to: RunDirection;
      reason?: string | undefined;
    },
  ): Promise<RotationRun>;
  /** For `AWAITING_VALUE`: as `sealMinted`, whoever holds the run. */
  giveValue(
    command: ByActor & {
      id: string;
      value: SecretValue;
      fields?: readonly string[] | undefined;
      expiresAtMs?: number | undefined;
      keyId?: string | undefined;
    },
  ): Promise<RotationRun>;
  /** Of all versions of a secret that a provider made or knows, newest first. */
  providerKeys(secret: string, environment: string): Promise<readonly ProviderKey[]>;
}
