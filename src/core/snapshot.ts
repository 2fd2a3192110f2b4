import type { CutoverSide } from './cutover.js';
import type { RequestStats } from './decision.js';
import type { EchoScrub } from './echo.js';
import type { ErrorCode } from './errors.js';
import type { Completion, PathInPlace, PlacedPath } from './placed.js';
import type { RouteTimeouts, RouteTls, TraceMode } from './route.js';
import type { CircuitBreaker, TrafficLimits } from './traffic.js';

/** What requests read. Immutable and swapped whole: a request keeps the one that it began with. */
export interface Snapshot {
  /** The newest change that it includes. */
  readonly seq: number;
  readonly routesRevision: number | undefined;
  readonly table: RouteTable;
  /** By `RouteShape.index`, then by environment. */
  readonly plans: readonly ReadonlyMap<string, Plan>[];
  readonly clients: ClientDirectory;
}

/** Finds the most specific route for a request. */
export interface RouteTable {
  /** Whether any route names a host: if none does, `match` does not need one. */
  readonly readsHost: boolean;
  /** `host` is the Host header as sent (a port is ignored); `path` the raw path without its query. */
  match(method: string, host: string | undefined, path: string): RouteShape | undefined;
}

/** What to do with a request header, decided once per spelling. */
export const HeaderAction = {
  keep: 0,
  drop: 1,
  host: 2,
  connection: 3,
  contentLength: 4,
  transferEncoding: 5,
  expect: 6,
  requestId: 7,
  /** `Keyferry-Token`. */
  token: 8,
  proxyAuthorization: 9,
  /** The route places this header in at least one environment: it may carry the token. */
  placed: 10,
  /** Framing to some, nothing to others: `Content_Length`, `Transfer--Encoding`. */
  ambiguousFraming: 11,
} as const;
export type HeaderAction = (typeof HeaderAction)[keyof typeof HeaderAction];

/** The part of a route that does not depend on environments or values. */
export interface RouteShape {
  readonly name: string;
  /** Its place in `Snapshot.plans`; -1 where no route matched. */
  readonly index: number;
  /** Undefined = every method. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Query parameters that some environment places: they may carry the token. */
  readonly queryNames: ReadonlySet<string>;
  /** Where a path that some environment places may carry the token; undefined for none. */
  readonly pathsInPlace: readonly PathInPlace[] | undefined;
  /** The action for a header as the client spelt it. */
  actionFor(rawName: string): HeaderAction;
}

/** A client as the request path needs it. */
export interface DirectoryClient {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  /** Infinity without an expiry. */
  readonly expiresAtMs: number;
  /** Undefined = all. */
  readonly routes: ReadonlySet<string> | undefined;
  /** Its own; undefined = those that every client has. */
  readonly limits: TrafficLimits | undefined;
  /** Whether a request from this address may use the token; undefined = from any. */
  readonly allowsAddress: ((address: string | undefined) => boolean) | undefined;
}

/** The clients that may send requests. Always the newest: revocation holds from the next request on. */
export interface ClientDirectory {
  /** What a credential was verified as before, if nothing has changed since. */
  remembered(credential: string): DirectoryClient | undefined;
  /**
   * Checks a token in constant time. `credential` is the string that it came in (a header value, say):
   * the result is remembered under it.
   */
  verify(token: string, credential: string): DirectoryClient | undefined;
  /** Whether the client with this id is still there. */
  holds(clientId: string): boolean;
}

/** Where requests go, and everything that decides which connection may carry them. */
export interface Upstream {
  /** Equal for two plans if and only if they may share connections. */
  readonly id: string;
  readonly origin: string;
  readonly host: string;
  readonly allowPrivateNetwork: boolean;
  /** Spoken to in HTTP/2 alone; HTTP/1.1 without. */
  readonly http2: boolean;
  readonly timeouts: RouteTimeouts;
  readonly tls: RouteTls;
}

/** A version that a plan places. */
export interface SecretUse {
  readonly secretId: string;
  readonly secret: string;
  readonly version: number;
}

/** A cutover under way, as the requests of one plan meet it. */
export interface Trial {
  readonly cutoverId: string;
  readonly step: number;
  /** The same route and environment with the other version; it has no trials of its own. */
  readonly other: Plan;
  /** Which version `other` has: `new` until the last step, `old` in the window after it. */
  readonly otherSide: CutoverSide;
  /** The share of requests that take `other` first, 0 to 1; 0 in the window. */
  readonly share: number;
  /** Only requests of these clients take `other` first; undefined = of all. */
  readonly clients: ReadonlySet<string> | undefined;
  readonly stickyClients: boolean;
}

/** One route in one environment, with everything that a request needs prepared. */
export interface Plan {
  readonly route: string;
  readonly environment: string;
  /** Set when every request must fail: a value is missing, revoked or cannot be placed. */
  readonly failure: { readonly code: ErrorCode; readonly detail: string } | undefined;
  readonly upstream: Upstream;
  /** Path of the upstream before the request's own, without a trailing slash. */
  readonly basePath: string;
  /** Characters of the request's path to leave out: the length of the prefix, or 0. */
  readonly stripLength: number;
  /** Rendered headers as name, value, name, value; the upstream's Host first. */
  readonly headers: readonly string[];
  /** Normalised names of the headers that are placed, and so deleted from the request first. */
  readonly headerNames: ReadonlySet<string>;
  /** Rendered `name=value&…`, percent-encoded; empty for none. */
  readonly query: string;
  /** Normalised names of the parameters that are placed (`normaliseQueryName`). */
  readonly queryNames: ReadonlySet<string>;
  /** Undefined where no path is placed. */
  readonly path: PlacedPath | undefined;
  /** What is left to do with each request before it is sent; undefined for most routes. */
  readonly completion: Completion | undefined;
  readonly uses: readonly SecretUse[];
  /**
   * Cutovers that are under way for versions in use: the newest first, their shares at most 1 together. Undefined
   * without one.
   */
  readonly trials: readonly Trial[] | undefined;
  /** Set on the `other` of a trial: which cutover its requests are observed for. */
  readonly trialOf:
    | { readonly cutoverId: string; readonly step: number; readonly side: CutoverSide }
    | undefined;
  /** Statuses by which the upstream says that it refuses the credential. */
  readonly refusedStatuses: ReadonlySet<number>;
  /**
   * How many bytes of a request's body are kept, so that a refused request can be sent again with the other version;
   * undefined = none is sent again.
   */
  readonly keptBodyBytes: number | undefined;
  /** `name@version` of each use, for the decision log. */
  readonly useNames: readonly string[];
  /** The earliest expiry of the versions in use; Infinity without one. */
  readonly expiresAtMs: number;
  readonly maxRequestBytes: number;
  /** Undefined = any length. */
  readonly maxResponseBytes: number | undefined;
  /** Undefined where nothing is limited. */
  readonly limits: TrafficLimits | undefined;
  /** Undefined = requests are sent whatever came of those before. */
  readonly circuitBreaker: CircuitBreaker | undefined;
  readonly forwardClientAddress: boolean;
  /** Undefined where responses are not searched: the route says so, or it places no value. */
  readonly scrub: EchoScrub | undefined;
  readonly stats: RequestStats;
  readonly trace: TraceMode;
  /** `match.pathPrefix` of the route. */
  readonly pathPrefix: string | undefined;
}
