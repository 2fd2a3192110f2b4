import type { Cutover } from './cutover.js';
import type { RouteReference } from './ports.js';
import type { RoutesDocument } from './route.js';

/** The next routes revision, applied in the transaction of a step of a cutover by name. */
export interface RoutesChange {
  readonly document: RoutesDocument;
  readonly references: readonly RouteReference[];
  /** `precondition_failed` when another one is applied by now: ask again. */
  readonly ifRevision: number;
  /** `file` where it is what the routes file says. */
  readonly source: 'file' | 'api';
}

/** What a step of a cutover by name needs of the routes. */
export type RoutesStep =
  | { readonly type: 'apply'; readonly change: RoutesChange }
  /** They say it already. */
  | { readonly type: 'done' }
  /** A file holds them, and does not say it yet: hold with `waiting_for_file`. */
  | { readonly type: 'wait' }
  /** They cannot say it. `reason` is a sentence for a person that says what to do. */
  | { readonly type: 'refused'; readonly reason: string };

/** The routes as cutovers by name move them (`toSecret` is set). Asked right before each step. */
export interface CutoverRoutes {
  /** What makes the routes name the new secret: to reach `CURRENT`, or `COMPLETED` from before it. */
  forward(cutover: Cutover): Promise<RoutesStep>;
  /** What makes them name the old one again: to roll back from `CURRENT`. Never `wait`. */
  back(cutover: Cutover): Promise<RoutesStep>;
}
