export const CUTOVER_STATES = ['PENDING', 'CANARY', 'CURRENT', 'COMPLETED', 'ROLLED_BACK'] as const;

/**
 * `PENDING`: tried by probes, no app's request has it yet; `CANARY`: a share of the requests has it; `CURRENT`:
 * all have it, and the old version stays live beside it; `COMPLETED` and `ROLLED_BACK` are ends.
 */
export type CutoverState = (typeof CUTOVER_STATES)[number];

/** The states of a cutover that is under way. */
export const RUNNING_CUTOVER_STATES = [
  'PENDING',
  'CANARY',
  'CURRENT',
] as const satisfies readonly CutoverState[];

export const ON_REFUSAL = ['rollback', 'hold'] as const;
export type OnRefusal = (typeof ON_REFUSAL)[number];

/** How careful a cutover is. */
export interface CutoverSettings {
  /** Shares of the requests that take the new version, in percent, ascending; the last is 100. */
  readonly steps: readonly number[];
  /** Requests (or probes) that must have been accepted with the new version before a step ends. */
  readonly stepMinSamples: number;
  readonly stepMinSeconds: number;
  /** The share of refusals of the new version that would still be borne, 0 to 1. */
  readonly maxRefusalRatio: number;
  /** How long both versions stay live after the last step (dual window). */
  readonly windowMinutes: number;
  /** Only requests of these routes take the new version before the last step; null = of all that name it. */
  readonly routes: readonly string[] | null;
  /** Likewise for clients, by name. */
  readonly clients: readonly string[] | null;
  /** What follows when the new version is refused and the old one is not. */
  readonly onRefusal: OnRefusal;
  /** Whether all requests of a client take the same version at a step; otherwise each is drawn by itself. */
  readonly stickyClients: boolean;
}

/** For a small team: one small step, then all; two days to think better of it. */
export const DEFAULT_CUTOVER_SETTINGS: CutoverSettings = {
  steps: [10, 100],
  stepMinSamples: 50,
  stepMinSeconds: 60,
  maxRefusalRatio: 0.01,
  windowMinutes: 2880,
  routes: null,
  clients: null,
  onRefusal: 'rollback',
  stickyClients: false,
};

export const CUTOVER_HOLDS = [
  'refused',
  'one_client',
  'unpaired_refusals',
  'control_refused',
  'upstream_failing',
  'new_failing',
  'waiting_for_file',
] as const;

/**
 * Why a cutover does not go on by itself. `refused`: the new version is refused, and `onRefusal` is `hold`;
 * `one_client`: it is refused for one client only; `unpaired_refusals`: it is refused, and nobody could try those
 * requests with the old one; `control_refused`: so is the old one; `upstream_failing`: the upstream fails as a
 * whole; `new_failing`: it fails where it gets the new version, and does not where it gets the old one;
 * `waiting_for_file`: the routes file still names the old secret.
 */
export type CutoverHold = (typeof CUTOVER_HOLDS)[number];

/** The way of an environment of a secret from one version to another, or from one secret to another. */
export interface Cutover {
  readonly id: string;
  readonly secret: string;
  readonly environment: string;
  /** The version that was current when it began. */
  readonly fromVersion: number;
  /** The secret that takes the place of `secret` in the routes; null for the next version of the same. */
  readonly toSecret: string | null;
  /** Null where `toSecret` is set: its current one. */
  readonly toVersion: number | null;
  readonly settings: CutoverSettings;
  readonly state: CutoverState;
  /** Place in `settings.steps`. */
  readonly step: number;
  /** Neither goes on nor ends by itself, except that it is still rolled back. */
  readonly paused: boolean;
  readonly hold: CutoverHold | null;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly stepStartedAtMs: number;
  /** Null before `CURRENT`. */
  readonly currentSinceMs: number | null;
  /** When the old version ceases to be live beside the new one; null before `CURRENT`. */
  readonly windowEndsAtMs: number | null;
  readonly endedAtMs: number | null;
  /** Why it ended, in a sentence for a person; null while it runs. */
  readonly reason: string | null;
  /** Whether Keyferry ended it by itself. */
  readonly endedByItself: boolean;
  /** The figures of the newest decision; null before the first. */
  readonly evidence: CutoverEvidence | null;
}

export const CUTOVER_SIDES = ['old', 'new'] as const;
export type CutoverSide = (typeof CUTOVER_SIDES)[number];

/** What came of the attempts with one version. An attempt is one sending of a request. */
export interface CutoverCounts {
  readonly accepted: number;
  /** All refusals, those of pairs among them. */
  readonly refused: number;
  /** 5xx, no response, or a broken one. */
  readonly failed: number;
  /** Refused with this version, and the same request was accepted with the other one. */
  readonly pairedRefusals: number;
  /** Refused with this version and with the other one. */
  readonly sharedRefusals: number;
}

export const NO_COUNTS: CutoverCounts = {
  accepted: 0,
  refused: 0,
  failed: 0,
  pairedRefusals: 0,
  sharedRefusals: 0,
};

/** What was observed since the last delta: additive, so that many nodes can write them. */
export interface CutoverDelta extends CutoverCounts {
  readonly cutoverId: string;
  readonly step: number;
  readonly side: CutoverSide;
  readonly route: string;
  /** `PROBE_CLIENT` for a probe. */
  readonly clientId: string;
}

/** In place of a client's id where Keyferry itself sent a probe. */
export const PROBE_CLIENT = 'probe';

/** Totals of one step, side, route and client. */
export interface CutoverObservation extends CutoverCounts {
  readonly step: number;
  readonly side: CutoverSide;
  readonly route: string;
  readonly clientId: string;
  /** Its name, where it is still known. */
  readonly client: string;
}

/** The figures that a decision was taken on: those of one step. */
export interface CutoverEvidence {
  readonly step: number;
  /** From when on they were counted; null = since the step began. */
  readonly sinceMs: number | null;
  /** The one route whose requests they are; null = all that take part. */
  readonly route: string | null;
  readonly old: CutoverCounts;
  readonly new: CutoverCounts;
  /** Of the requests accepted with the new version, how many were probes. */
  readonly probes: number;
  /** Clients whose requests took the new version. */
  readonly clients: number;
  /**
   * How likely as many paired refusals were if the new version were refused no more than `maxRefusalRatio`; null
   * without a paired refusal.
   */
  readonly probability: number | null;
  /**
   * The same when the client with the most paired refusals is left out: no single client's word rolls back. Null
   * without a paired refusal, and where no other client sends requests.
   */
  readonly probabilityWithoutClient: number | null;
}
