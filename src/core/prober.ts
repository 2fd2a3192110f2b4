import type { ErrorCode } from './errors.js';
import type { UsageOutcome } from './usage.js';

/** One request that Keyferry itself sends through the real path, to try a version. */
export interface ProbeRequest {
  readonly route: string;
  readonly environment: string;
  readonly method: string;
  /** As the upstream is to see it after its base path; may have a query. */
  readonly path: string;
  /** Absent = as every request of the route now. */
  readonly with?: ProbedVersion | undefined;
}

/** What to place where the route names `secret`: a version of it, or the current one of `toSecret`. */
export interface ProbedVersion {
  readonly secret: string;
  readonly version: number | null;
  readonly toSecret: string | null;
}

export interface ProbeAnswer {
  /** 0 when no response came. */
  readonly status: number;
  /** Why none came, or nothing was sent. */
  readonly code: ErrorCode | undefined;
  readonly detail: string | undefined;
  readonly outcome: UsageOutcome;
  /** What was placed: `name@version`. */
  readonly injected: readonly string[];
  readonly durationMs: number;
}

export interface Prober {
  /** Throws `route_not_found`, `not_found` (no such version); what befalls the request itself is in the answer. */
  probe(request: ProbeRequest): Promise<ProbeAnswer>;
}
