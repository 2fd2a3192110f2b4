import type {
  Cutover,
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

interface WithRoutes {
  /** Where `toSecret` is set: applied in place of moving pointers. Left out = the routes say it already. */
  readonly routes?: RoutesChange | undefined;
}

interface CutoverEnd extends ByActor, WithRoutes {
  readonly id: string;
  readonly reason: string;
  readonly evidence?: CutoverEvidence | null | undefined;
}

/**
 * Cutovers at rest; part of `Store`. Each command is one transaction with its audit row, its change-log row and the
 * pointers that it moves. A command on a cutover that has ended throws `conflict` (but ending it again in the same
 * way, like pausing what is paused, answers as the first time); so does one whose `ifState` or `ifStep` is no longer
 * so. What the server itself wants of a paused one, except rolling it back, throws `conflict` too. Unknown ids throw
 * `not_found`.
 */
export interface CutoverStore {
  /**
   * Begins in `PENDING`. Throws `conflict` while another one of the secret (or of `toSecret`) in the environment
   * runs, `version_unusable` when a version is not there, has no value or is current already, `not_found`.
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
  /**
   * All that are under way, oldest first: for the snapshot and the engine. Those whose row was altered by another
   * program are left out; they can only be rolled back, which then moves no pointer.
   */
  runningCutovers(): Promise<readonly Cutover[]>;
  /**
   * From `PENDING` to the first step, from a step to the next; to the last of them (100 %): `CURRENT`, and the
   * pointers move in the same transaction. By name, `conflict` while the routes that are then applied still name the
   * old secret without a version.
   */
  advanceCutover(command: CutoverPlace & WithRoutes): Promise<Cutover>;
  /** Says why it does not go on (null: it may again). */
  holdCutover(command: CutoverPlace & { hold: CutoverHold | null }): Promise<Cutover>;
  /** Ends the window: `COMPLETED`. Before `CURRENT` the pointers move first, as all steps at once would have done. */
  completeCutover(command: CutoverEnd): Promise<Cutover>;
  /** Makes the old version current again where it no longer was: `ROLLED_BACK`. */
  rollbackCutover(command: CutoverEnd): Promise<Cutover>;
  pauseCutover(command: ByActor & { id: string }): Promise<Cutover>;
  resumeCutover(command: ByActor & { id: string }): Promise<Cutover>;
  /** What `Store.recordUsage` has added. */
  observationsOf(id: string): Promise<readonly CutoverObservation[]>;
}
