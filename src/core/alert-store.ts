import type { Alert, AlertFinding, AlertKind, AlertUrgency, SecretFacts } from './alert.js';
import type { Cutover } from './cutover.js';
import type { Page, PageRequest } from './page.js';
import type { ByActor } from './ports.js';

/** What somebody may see; undefined = everything. */
export interface AlertScope {
  /** Only those of these environments: one without an environment is left out. */
  readonly environments?: readonly string[] | undefined;
  /** Only those about such secrets. */
  readonly secretPrefix?: string | undefined;
}

export interface AlertFilter extends PageRequest, AlertScope {
  readonly kind?: AlertKind | undefined;
  readonly urgency?: AlertUrgency | undefined;
  readonly open?: boolean | undefined;
  readonly acknowledged?: boolean | undefined;
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
}

/** Alerts of one sort. */
export interface AlertCount {
  readonly kind: AlertKind;
  readonly urgency: AlertUrgency;
  readonly count: number;
}

/** Part of `Store`: what needs a person. It decides nothing. */
export interface AlertStore {
  /**
   * Opens an alert for each finding, or adds to the one that is open about the same subject. One that was acknowledged
   * stays so unless it becomes more urgent.
   */
  raiseAlerts(findings: readonly AlertFinding[]): Promise<void>;
  /** Closes those that are open and of no staying kind. */
  resolveAlerts(command: {
    readonly ids: readonly string[];
    readonly because: string;
  }): Promise<void>;
  /**
   * Somebody has seen it. One of a staying kind closes, others close when their cause is over. Throws `not_found`, and
   * `conflict` for one that is closed; again, it answers as the first time.
   */
  acknowledgeAlert(
    command: ByActor & { readonly id: string; readonly note?: string | undefined },
  ): Promise<Alert>;
  getAlert(id: string): Promise<Alert | undefined>;
  /** Newest first. */
  listAlerts(filter: AlertFilter): Promise<Page<Alert>>;
  openAlertCounts(): Promise<ReadonlyMap<AlertKind, number>>;
  /** Those that are open and that nobody has acknowledged. */
  unseenAlertCounts(scope: AlertScope): Promise<readonly AlertCount[]>;
  /** One page of what the rules of time judge, in no order of meaning. */
  secretFacts(page: PageRequest): Promise<Page<SecretFacts>>;
  /**
   * Closes alerts about secrets that have no current version in the environment any more, and forgets what was closed a
   * year ago.
   */
  tidyAlerts(): Promise<void>;
  /** Cutovers that Keyferry rolled back by itself within 30 days and no alert was ever opened about; some of them. */
  unreportedRollbacks(): Promise<readonly Cutover[]>;
  /** By id; those that are gone are left out. */
  secretNames(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The client, revoked or not, whose token begins so; undefined when there is none. */
  clientOfToken(
    tokenStart: string,
  ): Promise<
    { readonly id: string; readonly name: string; readonly environment: string } | undefined
  >;
}
