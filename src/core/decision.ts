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
}

/** Counts of one route in one environment since the start: plain numbers, cheap to add to. */
export interface RequestStats {
  record(status: number, code: ErrorCode | undefined, durationMs: number): void;
}

/** Where the proxy reports to. Called on the request path: must not block or throw. */
export interface Telemetry {
  decision(decision: Decision): void;
  /** The same object for the same names, for the life of the process. */
  statsFor(route: string, environment: string): RequestStats;
}
