import type {
  Actor,
  Clock,
  Plan,
  Prober,
  Problem,
  RequestTrier,
  RotationControl,
  RoutesDocument,
  RoutesRevision,
  SecretAges,
  Signer,
  Store,
  SystemFacts,
  Tokens,
} from '../core/index.js';

/** What the check of a routes document found. Applying is refused while `problems` is not empty. */
export interface RoutesFindings {
  /** Undefined when its form is wrong. */
  readonly document: RoutesDocument | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** One difference between two routes documents. */
export interface RoutesDifference {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
}

/** An applied document, with what its check warned about. */
export interface AppliedRoutes {
  readonly revision: RoutesRevision;
  readonly warnings: readonly Problem[];
}

/** What the applied routes become where one secret takes the place of another in one environment. */
export interface RoutesReplacement {
  /** Of the applied routes; 0 before the first. */
  readonly revision: number;
  /** Empty where no route names the secret. */
  readonly changes: readonly {
    readonly path: string;
    readonly before: string;
    readonly after: string;
  }[];
  /** Places that name a version of it. */
  readonly pinned: readonly Problem[];
  /** Places that name the new one already. */
  readonly named: readonly string[];
  /** What the next document would bring that is wrong. */
  readonly problems: readonly Problem[];
}

/** Checks and applies routes documents: the one way in which they are accepted. */
export interface RoutesControl {
  /** Checks a document by itself and against the store; changes nothing. */
  validate(input: { document: unknown; allowMissing: boolean }): Promise<RoutesFindings>;
  /** Throws `routes_invalid` with all problems and changes nothing, and `precondition_failed`. */
  apply(command: {
    document: unknown;
    allowMissing: boolean;
    actor: Actor;
    source: 'api';
    ifRevision: number | undefined;
  }): Promise<AppliedRoutes>;
  /** Applies an earlier revision's document anew. Throws `not_found` too. */
  restore(command: {
    revision: number;
    allowMissing: boolean;
    actor: Actor;
    ifRevision: number | undefined;
  }): Promise<AppliedRoutes>;
  /** Changes nothing. */
  planReplacement(replacement: {
    from: string;
    to: string;
    environment: string;
  }): Promise<RoutesReplacement>;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in words for an operator; empty when ready. */
  readonly reasons: readonly string[];
}

/** What the admin API needs from the rest of the server. */
export interface AdminDependencies {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly routes: RoutesControl;
  readonly prober: Prober;
  readonly requestTrier: RequestTrier;
  /** By which requests of a route go now; undefined where this server does not serve it. */
  planOf(route: string, environment: string): Plan | undefined;
  /** Sends a message that the store keeps, now. Undefined = it arrived; otherwise why not. */
  readonly notifier: { sendNow(deliveryId: string): Promise<string | undefined> };
  readonly rotations: RotationControl;
  diffRoutes(from: RoutesDocument, to: RoutesDocument): readonly RoutesDifference[];
  /** The file that holds the routes; undefined = the store does, and the API may write them. */
  readonly routesFile: string | undefined;
  /** Resolves when every local worker uses a snapshot that includes all changes made so far. */
  publish(): Promise<void>;
  system(): Promise<SystemFacts>;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  readiness(): Promise<Readiness>;
  /** Undefined until they have been counted once. */
  secretAges(): Promise<SecretAges | undefined>;
  /** An encrypted copy of the whole store. */
  backup(): AsyncIterable<Uint8Array>;
  /** Aborted when the server stops: what would last for hours ends then. */
  readonly closing: AbortSignal;
  readonly about: { readonly version: string };
  /** Where the proxy listens, `http://127.0.0.1:8080`; null until it does. */
  proxyUrl(): string | null;
  /**
   * True where the listener is reachable from other machines: `/metrics` and `/version` then need a token,
   * and `/readyz` gives its reasons only with one.
   */
  readonly openPathsNeedToken: boolean;
  /** Takes what no answer may show: unexpected errors with their causes. */
  logError(error: unknown, where: { readonly requestId: string; readonly path: string }): void;
}
