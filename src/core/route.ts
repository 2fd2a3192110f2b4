import type { SignOptions } from './signing.js';
import { type CircuitBreaker, DEFAULT_CIRCUIT_BREAKER, type TrafficLimits } from './traffic.js';

/** How long each phase of a request to the upstream may take, in milliseconds. */
export interface RouteTimeouts {
  /** TCP and TLS until connected. */
  readonly connectMs: number;
  /** From the request sent to the response headers. */
  readonly headersMs: number;
  /** Longest silence between two pieces of a body. */
  readonly idleMs: number;
}

export const DEFAULT_TIMEOUTS: RouteTimeouts = {
  connectMs: 10_000,
  headersMs: 60_000,
  idleMs: 300_000,
};

/** 100 MiB, as most API gateways allow or less; a route may say more. */
export const DEFAULT_MAX_REQUEST_BYTES = 100 * 1024 * 1024;

/** 1 MiB: bodies with a credential in a field are small; one that is changed or hashed is held in memory. */
export const DEFAULT_GATHERED_BYTES = 1024 * 1024;

export const ECHO_SCRUB_MODES = ['block', 'mask', 'off'] as const;
export type EchoScrubMode = (typeof ECHO_SCRUB_MODES)[number];

export const TRACE_MODES = ['own', 'continue', 'propagate'] as const;
/**
 * Whose trace a request belongs to. `own`: one that begins here; `continue`: that of the request's
 * `traceparent`; `propagate`: likewise, and the upstream is told.
 */
export type TraceMode = (typeof TRACE_MODES)[number];

/** How the upstream says that it refuses a credential, and what is done about it while two versions are live. */
export interface RefusedCredential {
  readonly statuses: readonly number[];
  /** Send a refused request once more with the other live version, where its body was kept. */
  readonly retry: boolean;
  /** Larger bodies are not kept. */
  readonly maxRetryBytes: number;
}

/** 401 alone: a 403 may speak of the caller (RFC 9110 section 15.5.4). 64 KiB holds the usual JSON body. */
export const DEFAULT_REFUSED_CREDENTIAL: RefusedCredential = {
  statuses: [401],
  retry: true,
  maxRetryBytes: 64 * 1024,
};

/**
 * Safe by RFC 9110 section 9.2.1, and POST: some APIs have no other method. What the others mean is to change or
 * delete what is there, and a probe is sent again and again.
 */
export const PROBE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST'] as const;

/** A request by which Keyferry itself tries a version: one that changes nothing at the upstream. */
export interface Probe {
  /** Default GET. */
  readonly method?: string | undefined;
  /** As a client would send it to the upstream, without the route's prefix. */
  readonly path: string;
  /** What says that the credential is good; absent = any that is below 400. */
  readonly expectedStatus?: number | undefined;
}

export interface RouteMatch {
  /** Whole segments: `/a` matches `/a` and `/a/b`, not `/ab`. */
  readonly pathPrefix?: string | undefined;
  /** An exact host, or `*.example.com` for every name below it. */
  readonly host?: string | undefined;
  /** Upper case. Absent = every method. */
  readonly methods?: readonly string[] | undefined;
}

/** What a route, or one of its environments, may set. The environment's own value wins. */
export interface RouteOptions {
  readonly stripPrefix?: boolean | undefined;
  readonly timeouts?: Partial<RouteTimeouts> | undefined;
  readonly maxRequestBytes?: number | undefined;
  /** Absent = any length. */
  readonly maxResponseBytes?: number | undefined;
  /** Of all clients together, in one environment. */
  readonly limits?: TrafficLimits | undefined;
  readonly circuitBreaker?: Partial<CircuitBreaker> | undefined;
  readonly allowPrivateNetwork?: boolean | undefined;
  readonly allowInsecureUpstream?: boolean | undefined;
  readonly echoScrub?: EchoScrubMode | undefined;
  readonly forwardClientAddress?: boolean | undefined;
  /** Speak HTTP/2 to the upstream. */
  readonly http2?: boolean | undefined;
  readonly tls?: RouteTls | undefined;
  readonly trace?: TraceMode | undefined;
  readonly refusedCredential?: Partial<RefusedCredential> | undefined;
  readonly probe?: Probe | undefined;
}

export interface RouteTls {
  /** PEM certificates that replace the system's authorities for this upstream. */
  readonly ca?: string | undefined;
  /** The name to verify and send as SNI where it is not the upstream's host. */
  readonly serverName?: string | undefined;
}

export interface Placements {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Put between the upstream's path and the request's own: `/bot<<secret:NAME>>`. */
  readonly path?: string | undefined;
  readonly body?: BodyPlacement | undefined;
  readonly sign?: SignOptions | undefined;
}

/** Fields of the request body to set. */
export interface BodyPlacement {
  /** Templates by JSON pointer (RFC 6901). */
  readonly json?: Readonly<Record<string, string>> | undefined;
  /** Templates by the name of a field of `application/x-www-form-urlencoded`. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** Larger bodies are refused: a body is gathered whole before it is changed. */
  readonly maxBytes?: number | undefined;
}

export interface RouteEnvironment extends RouteOptions, Placements {
  readonly upstream: string;
}

export interface Route extends RouteOptions, Placements {
  readonly name: string;
  readonly match: RouteMatch;
  readonly environments: Readonly<Record<string, RouteEnvironment>>;
}

export interface RoutesDocument {
  readonly $schema?: string | undefined;
  readonly routes: readonly Route[];
}

/** One applied document: immutable, numbered from 1. */
export interface RoutesRevision {
  readonly revision: number;
  readonly document: RoutesDocument;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly source: 'file' | 'api';
  /** The revision that this one restored, if it did. */
  readonly restores: number | null;
}

/** `BodyPlacement` with its default filled. */
export interface EffectiveBody {
  readonly json: ReadonlyMap<string, string>;
  readonly form: ReadonlyMap<string, string>;
  readonly maxBytes: number;
}

/** A route as it is in one environment: defaults filled, the environment's own settings over the route's. */
export interface EffectiveRoute {
  readonly route: string;
  readonly environment: string;
  readonly upstream: URL;
  /** Spelling of the names as written; one entry per name, whatever its case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
  readonly path: string | undefined;
  /** Undefined when no field is placed. */
  readonly body: EffectiveBody | undefined;
  readonly sign: SignOptions | undefined;
  readonly stripPrefix: boolean;
  readonly timeouts: RouteTimeouts;
  readonly maxRequestBytes: number;
  /** Undefined = any length. */
  readonly maxResponseBytes: number | undefined;
  /** Undefined where nothing is limited. */
  readonly limits: TrafficLimits | undefined;
  readonly circuitBreaker: CircuitBreaker;
  readonly allowPrivateNetwork: boolean;
  readonly echoScrub: EchoScrubMode | undefined;
  readonly forwardClientAddress: boolean;
  readonly http2: boolean;
  readonly tls: RouteTls;
  readonly trace: TraceMode;
  readonly refusedCredential: Omit<RefusedCredential, 'statuses'> & {
    readonly statuses: ReadonlySet<number>;
  };
  readonly probe: Probe | undefined;
  readonly pathPrefix: string | undefined;
}

/** Merges a route with one of its environments. Undefined when the route does not list the environment. */
export function effectiveRoute(route: Route, environment: string): EffectiveRoute | undefined {
  const own = Object.hasOwn(route.environments, environment)
    ? route.environments[environment]
    : undefined;
  if (own === undefined) return undefined;
  return {
    route: route.name,
    environment,
    upstream: new URL(own.upstream),
    headers: mergeByName(route.headers, own.headers, normaliseHeaderName),
    query: mergeByName(route.query, own.query, (name) => name),
    path: own.path ?? route.path,
    body: mergeBody(route.body, own.body),
    sign: own.sign ?? route.sign,
    stripPrefix: own.stripPrefix ?? route.stripPrefix ?? true,
    timeouts: { ...DEFAULT_TIMEOUTS, ...defined(route.timeouts), ...defined(own.timeouts) },
    maxRequestBytes: own.maxRequestBytes ?? route.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
    maxResponseBytes: own.maxResponseBytes ?? route.maxResponseBytes,
    limits: mergeLimits(route.limits, own.limits),
    circuitBreaker: {
      ...DEFAULT_CIRCUIT_BREAKER,
      ...defined(route.circuitBreaker),
      ...defined(own.circuitBreaker),
    },
    allowPrivateNetwork: own.allowPrivateNetwork ?? route.allowPrivateNetwork ?? false,
    echoScrub: own.echoScrub ?? route.echoScrub,
    forwardClientAddress: own.forwardClientAddress ?? route.forwardClientAddress ?? false,
    http2: own.http2 ?? route.http2 ?? false,
    tls: { ...route.tls, ...own.tls },
    trace: own.trace ?? route.trace ?? 'own',
    refusedCredential: mergeRefusedCredential(route.refusedCredential, own.refusedCredential),
    probe: own.probe ?? route.probe,
    pathPrefix: route.match.pathPrefix,
  };
}

/**
 * One key for all spellings of a header name: names are case-insensitive (RFC 9110 section 5.1), and
 * CGI-like upstreams read `_` and `-` as the same.
 */
export function normaliseHeaderName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** One key for all spellings of a query parameter that some upstream reads as the same: names fold case there. */
export function normaliseQueryName(name: string): string {
  return name.trim().toLowerCase();
}

function mergeBody(base: BodyPlacement = {}, own: BodyPlacement = {}): EffectiveBody | undefined {
  const json = mergeByName(base.json, own.json, (name) => name);
  const form = mergeByName(base.form, own.form, (name) => name);
  if (json.size === 0 && form.size === 0) return undefined;
  return { json, form, maxBytes: own.maxBytes ?? base.maxBytes ?? DEFAULT_GATHERED_BYTES };
}

function mergeByName(
  base: Readonly<Record<string, string>> = {},
  own: Readonly<Record<string, string>> = {},
  normalise: (name: string) => string,
): ReadonlyMap<string, string> {
  const merged = new Map<string, [name: string, value: string]>();
  for (const [name, value] of [...Object.entries(base), ...Object.entries(own)]) {
    merged.set(normalise(name), [name, value]);
  }
  return new Map(merged.values());
}

function mergeLimits(
  base: TrafficLimits | undefined,
  own: TrafficLimits | undefined,
): TrafficLimits | undefined {
  const merged = { ...defined(base), ...defined(own) };
  return Object.keys(merged).length === 0 ? undefined : merged;
}

function mergeRefusedCredential(
  base: Partial<RefusedCredential> | undefined,
  own: Partial<RefusedCredential> | undefined,
): EffectiveRoute['refusedCredential'] {
  const merged = { ...DEFAULT_REFUSED_CREDENTIAL, ...defined(base), ...defined(own) };
  return { ...merged, statuses: new Set(merged.statuses) };
}

function defined<T extends object>(value: T | undefined): Partial<T> {
  const entries = Object.entries(value ?? {}).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}
