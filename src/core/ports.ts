import type { AlertStore } from './alert-store.js';
import type { AuditPosition, AuditPruning, AuditRow, AuditVerification } from './audit.js';
import type { Actor, Admin, AdminCredential, Client, ClientCredential, Role } from './client.js';
import type { CutoverDelta } from './cutover.js';
import type { CutoverStore } from './cutover-store.js';
import type { Environment } from './environment.js';
import type { HeartbeatStore } from './heartbeat-store.js';
import type { NotificationStore } from './notification-store.js';
import type { Page, PageRequest } from './page.js';
import type { VersionSafety } from './revoke-safety.js';
import type { RotationStore } from './rotation-store.js';
import type { RoutesDocument, RoutesRevision } from './route.js';
import type { Secret, SecretAttributes, SecretSort, SortOrder, Version } from './secret.js';
import type { SecretValue } from './secret-value.js';
import type { SessionStore } from './session.js';
import type { TrafficLimits } from './traffic.js';
import type { UsageDelta, UsageRow } from './usage.js';
import type { RequestDelta, UsageHistoryStore } from './usage-history.js';

/** Wall-clock time. The only clock of the rooms; tests inject their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** Signs what the server states about itself; `publicKey` checks it and cannot forge it. */
export interface Signer {
  /** Ed25519, base64url. Another one after a rekey. */
  readonly publicKey: string;
  /** base64url. */
  sign(text: string): string;
}

/** A secret of one environment, as a template names it. */
export interface ValueReference {
  readonly secret: string;
  readonly environment: string;
  /** A pinned version; undefined = the current one. */
  readonly version: number | undefined;
}

/** The answer to a `ValueReference`: the version that a request would take, or why there is none. */
export type ResolvedValue =
  | {
      readonly status: 'found';
      readonly secretId: string;
      readonly version: number;
      readonly value: SecretValue;
      readonly expiresAtMs: number | null;
      readonly fields: readonly string[];
      /** Hosts that the secret may be sent to; empty = any. */
      readonly allowedHosts: readonly string[];
    }
  | { readonly status: 'missing' }
  /** A row does not open or was altered, or the disk damaged it. Version 0: the one meant is not known. */
  | { readonly status: 'damaged'; readonly version: number }
  /** There was one, but it was revoked or destroyed. */
  | { readonly status: 'revoked'; readonly version: number };

/** One entry of the change log. Names only: the reader fetches what it needs. */
export type Change = { readonly seq: number } & (
  | { readonly kind: 'environment'; readonly environment: string }
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'version'; readonly secret: string; readonly environment: string }
  /** A cutover of the secret in the environment began, went on or ended. */
  | { readonly kind: 'cutover'; readonly secret: string; readonly environment: string }
  | { readonly kind: 'routes'; readonly revision: number }
  | { readonly kind: 'client'; readonly clientId: string }
  | { readonly kind: 'admin'; readonly adminId: string }
);

export interface SecretFilter extends PageRequest {
  /** Words, each somewhere in name, description or owner; ASCII letters match in either case. */
  readonly search?: string | undefined;
  readonly environment?: string | undefined;
  /** Not used in any environment for this many days (or never). */
  readonly unusedForDays?: number | undefined;
  /** Some current version is at least this old. */
  readonly olderThanDays?: number | undefined;
  readonly withoutRoutes?: boolean | undefined;
  /** Some current version is overdue, or at least ageing (`markAge`). */
  readonly overdue?: boolean | undefined;
  readonly old?: boolean | undefined;
  /** There is no current version in an environment where another secret has one. */
  readonly missingValue?: boolean | undefined;
  /** Some current version expires within so many days, or has. */
  readonly expiringWithinDays?: number | undefined;
  /** `name=value`, or `name` for any value. */
  readonly label?: string | undefined;
  readonly namePrefix?: string | undefined;
  /** Default: by name. */
  readonly sort?: SecretSort | undefined;
  /** Default: `asc`. */
  readonly order?: SortOrder | undefined;
  /** Only what these environments hold (a scoped admin); the other filters look at nothing else either. */
  readonly environments?: readonly string[] | undefined;
}

/** A secret as lists show it. */
export interface SecretSummary extends Secret {
  readonly environments: readonly SecretEnvironmentSummary[];
  /** Names of the routes of the applied document that name it. */
  readonly routes: readonly string[];
  /** The same by environment: also where it has no version. */
  readonly routesByEnvironment: Readonly<Record<string, readonly string[]>>;
  /** Names of the clients that have used it. */
  readonly clients: readonly string[];
  readonly lastUsedAtMs: number | null;
}

export interface SecretEnvironmentSummary {
  readonly environment: string;
  /** Names of the routes of the applied document that name the secret there. */
  readonly routes: readonly string[];
  readonly currentVersion: number | null;
  readonly previousVersion: number | null;
  /** When the current version became current; null without one. */
  readonly currentSinceMs: number | null;
  /** When the current version was made: its age is judged from here. */
  readonly currentCreatedAtMs: number | null;
  readonly currentExpiresAtMs: number | null;
  readonly stagedVersions: readonly number[];
  readonly versions: number;
  readonly lastUsedAtMs: number | null;
}

/** Where the applied routes name secrets; kept by the store to refuse pulling a version from under a route. */
export interface RouteReference {
  readonly route: string;
  readonly environment: string;
  readonly secret: string;
  readonly version: number | undefined;
}

export interface AuditFilter extends PageRequest {
  /** Exact action, or a prefix that ends in `.` (`version.`). */
  readonly action?: string | undefined;
  readonly secret?: string | undefined;
  readonly environment?: string | undefined;
  /** Id or name. */
  readonly actor?: string | undefined;
  /** Not before. */
  readonly sinceMs?: number | undefined;
  /** Before. */
  readonly untilMs?: number | undefined;
  /** Not after the row of this number. */
  readonly throughSeq?: number | undefined;
  /** Default: newest first. */
  readonly order?: 'newest' | 'oldest' | undefined;
  readonly environments?: readonly string[] | undefined;
  readonly secretPrefix?: string | undefined;
}

export interface ByActor {
  readonly actor: Actor;
}

/** Overrides a refusal (`in_use`); the reason is audited. */
export interface Force {
  readonly reason: string;
}

interface VersionTarget extends ByActor {
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
}

/**
 * Facts at rest. Each command is one transaction that includes its audit row and its change-log rows, and
 * is durable when its promise resolves. Unknown names throw `not_found` or `environment_unknown` with the
 * nearest spelling; a disk or lock failure throws `store_unavailable` and changes nothing.
 */
export interface Store
  extends AlertStore,
    CutoverStore,
    HeartbeatStore,
    NotificationStore,
    RotationStore,
    SessionStore,
    UsageHistoryStore {
  readonly databaseId: string;

  createEnvironment(command: ByActor & { name: string }): Promise<Environment>;
  listEnvironments(): Promise<readonly Environment[]>;
  /** Throws `environment_not_empty` while a version, client or applied route is in it. */
  deleteEnvironment(command: ByActor & { name: string }): Promise<void>;

  /** Throws `name_taken`. */
  createSecret(command: ByActor & { name: string } & Partial<SecretAttributes>): Promise<Secret>;
  /** Undefined when there is none. */
  getSecret(name: string): Promise<SecretSummary | undefined>;
  listSecrets(filter: SecretFilter): Promise<Page<SecretSummary>>;
  /** Throws `precondition_failed` when it was changed at another time than `ifUpdatedAtMs`. */
  updateSecret(
    command: ByActor & {
      name: string;
      changes: Partial<SecretAttributes>;
      ifUpdatedAtMs?: number | undefined;
    },
  ): Promise<Secret>;
  /** Throws `in_use` while a route names it or a version was used within 48 h, unless forced. */
  deleteSecret(command: ByActor & { name: string; force?: Force | undefined }): Promise<void>;

  /**
   * Seals and adds the next version. The first of an environment becomes `current`, a later one `staged`.
   * `fields` are the names where the value is a JSON object of strings. One that is copied is as old as what it is
   * copied from.
   */
  addVersion(
    command: ByActor & {
      secret: string;
      environment: string;
      value: SecretValue;
      fields?: readonly string[] | undefined;
      expiresAtMs?: number | undefined;
      note?: string | undefined;
      copiedFrom?: Version | undefined;
    },
  ): Promise<Version>;
  /** Newest first. */
  listVersions(secret: string, environment: string): Promise<readonly Version[]>;
  /** Whether each version that was not revoked or destroyed may be, newest first; of all environments or of one. */
  revokeSafetyOf(secret: string, environment?: string): Promise<readonly VersionSafety[]>;
  /**
   * Makes a staged or previous version current. Throws `version_unusable` for a revoked or destroyed one. While a
   * cutover is under way it ends: completed by its new version, rolled back by its old one; `conflict` for others.
   */
  activateVersion(command: VersionTarget): Promise<Version>;
  /**
   * Makes the previous version current again. Throws `version_unusable` when there is none. A cutover under way is
   * rolled back instead.
   */
  rollback(command: ByActor & { secret: string; environment: string }): Promise<Version>;
  /**
   * Throws `in_use` while it is current, pinned by a route, part of a cutover under way, or used within 48 h, unless
   * forced. By force a cutover ends: rolled back without its new version, completed without its old one; `in_use` all
   * the same where requests would be left without any.
   */
  revokeVersion(command: VersionTarget & { force?: Force | undefined }): Promise<Version>;
  /** Erases the value, keeps the row. Refused as `revokeVersion` is. */
  destroyVersion(command: VersionTarget & { force?: Force | undefined }): Promise<Version>;
  /** Opens what routes need. The answers are in the order of the references. */
  resolveValues(references: readonly ValueReference[]): Promise<readonly ResolvedValue[]>;
  /** Which of the references have no usable value, without opening any. */
  missingValues(references: readonly ValueReference[]): Promise<readonly ValueReference[]>;
  /** `allowedHosts` of each existing secret among `names`; a name that is not a key does not exist. */
  secretHosts(names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;

  /** Undefined before the first, and when the row of the newest was altered. */
  currentRoutes(): Promise<RoutesRevision | undefined>;
  /**
   * When the routes ceased to name a secret, in these environments or in any. Undefined while they name it, and
   * where none of the newest 1,000 revisions did.
   */
  unnamedSince(secret: string, environments?: readonly string[]): Promise<number | undefined>;
  /**
   * Appends a revision and makes it the applied one. Throws `precondition_failed` when `ifRevision` is not
   * the applied revision. The document was checked by the caller.
   */
  applyRoutes(
    command: ByActor & {
      document: RoutesDocument;
      references: readonly RouteReference[];
      source: 'file' | 'api';
      ifRevision?: number | undefined;
      restores?: number | undefined;
    },
  ): Promise<RoutesRevision>;
  /** Newest first, without documents. */
  listRevisions(page: PageRequest): Promise<Page<Omit<RoutesRevision, 'document'>>>;
  getRevision(revision: number): Promise<RoutesRevision | undefined>;

  createClient(
    command: ByActor & {
      name: string;
      environment: string;
      routes?: readonly string[] | undefined;
      cidrs?: readonly string[] | undefined;
      limits?: TrafficLimits | undefined;
      expiresAtMs?: number | undefined;
      tokenId: string;
      tokenHash: Uint8Array;
    },
  ): Promise<Client>;
  /** Throws `not_found`, `conflict` (it is revoked). Null = the limits that every client has. */
  updateClient(command: ByActor & { id: string; limits: TrafficLimits | null }): Promise<Client>;
  getClient(id: string): Promise<Client | undefined>;
  listClients(
    page: PageRequest & { environments?: readonly string[] | undefined },
  ): Promise<Page<Client>>;
  revokeClient(command: ByActor & { id: string }): Promise<void>;
  /** Clients that are not revoked, with their token hashes: for the snapshot. */
  clientCredentials(ids?: readonly string[]): Promise<readonly ClientCredential[]>;

  createAdmin(
    command: ByActor & {
      name: string;
      role: Role;
      environments?: readonly string[] | undefined;
      secretPrefix?: string | undefined;
      expiresAtMs?: number | undefined;
      tokenId: string;
      tokenHash: Uint8Array;
    },
  ): Promise<Admin>;
  listAdmins(page: PageRequest): Promise<Page<Admin>>;
  /** Throws `in_use` for the last admin that can do everything and does not expire. */
  revokeAdmin(command: ByActor & { id: string }): Promise<void>;
  /** By the public id of a token; undefined when there is none. Revoked ones are returned as such. */
  findAdmin(tokenId: string): Promise<AdminCredential | undefined>;

  listAudit(filter: AuditFilter): Promise<Page<AuditRow>>;
  /** Looks at every row; with `checkpoint` also whether the log still has the row that it was made of. */
  verifyAudit(checkpoint?: AuditPosition): Promise<AuditVerification>;
  /** The newest row, and how many there are. */
  auditPosition(): Promise<AuditPosition & { readonly rows: number }>;
  /**
   * Removes the oldest rows where they are older than `retentionDays` and a week more, some hundreds at a time, and
   * records it. Age is counted by the days that the store has seen go by: call it at least once a week.
   */
  pruneAudit(command: { readonly retentionDays: number }): Promise<AuditPruning>;
  /** For what happened outside another command (a backup taken, a rejected routes file). */
  recordAudit(
    command: ByActor & {
      action: string;
      secret?: string | undefined;
      environment?: string | undefined;
      detail: Readonly<Record<string, unknown>>;
    },
  ): Promise<void>;

  /**
   * Adds what was observed, in one transaction, to the totals and to their history. What concerns a version that is
   * gone, or a cutover that has ended, is left out.
   */
  recordUsage(
    deltas: readonly UsageDelta[],
    observations?: readonly CutoverDelta[],
    requests?: readonly RequestDelta[],
  ): Promise<void>;
  usageOf(secret: string, environment?: string): Promise<readonly UsageRow[]>;

  /** Number of the newest change. */
  latestChange(): Promise<number>;
  /** In order. Undefined when `seq` is older than the log reaches: load everything anew. */
  changesSince(seq: number): Promise<readonly Change[] | undefined>;

  /**
   * Reserves an idempotency key before a command runs. `fresh`: run it, then `finishIdempotent`.
   * `replay`: answer this. Throws `idempotency_unfinished` or `idempotency_mismatch`.
   */
  beginIdempotent(command: {
    key: string;
    actorId: string;
    fingerprint: string;
  }): Promise<{ type: 'fresh' } | { type: 'replay'; status: number; body: string }>;
  finishIdempotent(command: {
    key: string;
    actorId: string;
    /** Undefined = the command changed nothing: forget the reservation. */
    answer: { status: number; body: string } | undefined;
  }): Promise<void>;

  /** Writes a consistent copy of the database to a new file (0600). */
  copyTo(file: string): Promise<void>;
  /** Size, integrity and settings, for `doctor` and `/readyz`. Throws `store_unavailable`. */
  check(): Promise<StoreHealth>;
  /**
   * Rows that were looked at and are not used, because another program altered them: by what they say they are
   * (`client "shop"`).
   */
  alteredRows(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface StoreHealth {
  readonly sqliteVersion: string;
  readonly journalMode: string;
  readonly synchronous: string;
  readonly schemaVersion: number;
  readonly bytes: number;
  readonly integrity: 'ok' | string;
  readonly secrets: number;
  readonly versions: number;
}
