import type {
  Cutover,
  CutoverDelta,
  CutoverEvidence,
  CutoverHold,
  CutoverObservation,
  CutoverSettings,
  CutoverState,
} from './cutover.js';
import type { RoutesChange } from './cutover-routes.js';
import type { Page, PageRequest } from './page.js';
import type { ByActor } from './ports.js';

export interface CutoverFilter extends PageRequest {
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
  readonly state?: CutoverState | undefined;
  /** Only those that are under way. */
  readonly running?: boolean | undefined;
  readonly environments?: readonly string[] | undefined;
  readonly secretPrefix?: string | undefined;
}

/** Where a decision found the cutover: it is taken back when another one was first. */
interface CutoverPlace extends ByActor {
  readonly id: string;
  readonly ifState: CutoverState;
  readonly ifStep: number;
  readonly evidence: CutoverEvidence | null;
}

/**
 * Cutovers at rest; part of `Store`. Each command is one transaction with its audit row, its change-log row and the
 * pointers that it moves. A command on a cutover that has ended throws `conflict`; so does one whose `ifState` or
 * `ifStep` is no longer so.
 */
export interface CutoverStore {
  /**
   * Begins in `PENDING`. Throws `conflict` while another one of the secret and environment runs, `version_unusable`
   * when a version is not there or has no value, `not_found`.
   */
  startCutover(
    command: ByActor & {
      secret: string;
      environment: string;
      /** A version of `secret`, or of none where `toSecret` takes its place by name. */
      toVersion: number | null;
      toSecret: string | null;
      settings: CutoverSettings;
    },
  ): Promise<Cutover>;
  getCutover(id: string): Promise<Cutover | undefined>;
  /** Newest first. */
  listCutovers(filter: CutoverFilter): Promise<Page<Cutover>>;
  /** All that are under way, oldest first: for the snapshot and the engine. */
  runningCutovers(): Promise<readonly Cutover[]>;
  /**
   * From `PENDING` to the first step, from a step to the next; to the last of them (100 %): `CURRENT`, and the
   * pointers move in the same transaction. Where `toSecret` is set, `routes` is applied in place of moving pointers;
   * left out = the routes say it already.
   */
  advanceCutover(command: CutoverPlace & { routes?: RoutesChange | undefined }): Promise<Cutover>;
  /** Says why it does not go on (null: it may again). */
  holdCutover(command: CutoverPlace & { hold: CutoverHold | null }): Promise<Cutover>;
  /** Ends the window: `COMPLETED`. Before `CURRENT` the pointers move first, as all steps at once would have done. */
  completeCutover(
    command: ByActor & {
      id: string;
      reason: string;
      evidence?: CutoverEvidence | null;
      routes?: RoutesChange | undefined;
    },
  ): Promise<Cutover>;
  /** Makes the old version current again where it no longer was: `ROLLED_BACK`. */
  rollbackCutover(
    command: ByActor & {
      id: string;
      reason: string;
      evidence?: CutoverEvidence | null;
      routes?: RoutesChange | undefined;
    },
  ): Promise<Cutover>;
  pauseCutover(command: ByActor & { id: string }): Promise<Cutover>;
  resumeCutover(command: ByActor & { id: string }): Promise<Cutover>;
  /** Adds observations in one transaction; those of cutovers that have ended are left out. */
  recordObservations(deltas: readonly CutoverDelta[]): Promise<void>;
  observationsOf(id: string): Promise<readonly CutoverObservation[]>;
}
