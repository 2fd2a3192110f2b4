import type { ClientRefusal } from './alert.js';
import type { EchoFinding } from './echo.js';
import type { ErrorCode } from './errors.js';

/** What Keyferry decided about one request: names and numbers only, never a value or a query. */
export interface Decision {
  readonly requestId: string;
  readonly method: string;
  /** Undefined where none matched. */
  readonly route: string | undefined;
  readonly environment: string | undefined;
  readonly client: string | undefined;
  /** Status sent to the client; 0 when the client left first. */
  readonly status: number;
  /** Set when Keyferry itself answered, or cut the response. */
  readonly code: ErrorCode | undefined;
  /** Host of the upstream; undefined when nothing was sent. */
  readonly upstream: string | undefined;
  /** The versions that were placed: `name@version`. */
  readonly secrets: readonly string[];
  readonly durationMs: number;
  /** Sent twice: `secrets` are those of the attempt whose response was passed on. */
  readonly retried?: boolean;
  /** Read only where traces are made; undefined where no request was read. */
  readonly traceFacts?: TraceFacts | undefined;
}

/** What the spans of a request need besides its decision. */
export interface TraceFacts {
  /** `match.pathPrefix` of the route. */
  readonly pathPrefix: string | undefined;
  /** When a connection to the upstream took the request, in milliseconds since the epoch; 0 when none did. */
  readonly sentAtMs: number;
  /** The request's own `traceparent`, as it came, where the route lets that trace go on. */
  readonly traceparent: string | undefined;
  /** Set when the upstream was told about the trace. */
  readonly ids: TraceIds | undefined;
}

/** The place of a request's two spans in a trace (W3C Trace Context): ids in lower-case hexadecimal. */
export interface TraceIds {
  readonly traceId: string;
  readonly parentSpanId: string | undefined;
  /** Of the span of the request as the client sees it. */
  readonly serverSpanId: string;
  /** Of the span of the request to the upstream, a child of the other. */
  readonly clientSpanId: string;
  /** Only what is sampled is exported. */
  readonly sampled: boolean;
}

/** Makes traces of requests. Called on the request path: must not block or throw. */
export interface Traces {
  /** Goes on from a `traceparent` that is valid; begins a trace of its own otherwise. */
  place(traceparent: string | undefined): TraceIds;
  /** `traceparent` for the upstream. */
  traceparentOf(ids: TraceIds): string;
}

/** Counts of one route in one environment since the start: plain numbers, cheap to add to. */
export interface RequestStats {
  record(status: number, code: ErrorCode | undefined, durationMs: number): void;
}

/** Where the proxy reports to. Called on the request path: must not block or throw. */
export interface Telemetry {
  decision(decision: Decision): void;
  /** A hit is reported once for each response. */
  echo(finding: EchoFinding): void;
  /** A request's client token was refused. Undefined where nobody counts them. */
  clientRefused?(refusal: ClientRefusal): void;
  /** The same object for the same names, for the life of the process. */
  statsFor(route: string, environment: string): RequestStats;
  /** Undefined while traces are off. */
  readonly traces?: Traces | undefined;
}
