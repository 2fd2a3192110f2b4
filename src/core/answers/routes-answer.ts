import type { ErrorCode, Problem } from '../errors.js';
import type { RouteMatch, RoutesDocument } from '../route.js';
import type { PageAnswer } from './page-answer.js';

/** The applied routes, or one revision of them, as the admin API shows it. */
export interface RoutesAnswer extends RevisionAnswer {
  /** Without routes before the first revision. */
  readonly document: RoutesDocument;
}

export interface RevisionAnswer {
  /** 0 before the first. */
  readonly revision: number;
  readonly createdAt: string | null;
  readonly createdBy: string | null;
  readonly source: 'file' | 'api' | null;
  readonly restores: number | null;
}

export interface AppliedAnswer extends RevisionAnswer {
  readonly warnings: readonly Problem[];
}

export interface ValidationAnswer {
  readonly valid: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** A route in one environment, as requests meet it now. */
export interface RouteInUseAnswer {
  readonly route: string;
  readonly match: RouteMatch;
  readonly environment: string;
  readonly upstream: string;
  /** False where this server leaves the environment to others. */
  readonly served: boolean;
  readonly injects: readonly {
    readonly secret: string;
    /** Null where there is none that can be placed. */
    readonly version: number | null;
    /** The route names this version, and not whichever is current. */
    readonly pinned: boolean;
  }[];
  /** What every request is answered with; null where they are sent. */
  readonly failure: { readonly code: ErrorCode; readonly detail: string } | null;
}

/** Some of them. */
export interface RoutesInUseAnswer extends PageAnswer<RouteInUseAnswer> {
  /** How many fail, of all. */
  readonly failing: number;
}
