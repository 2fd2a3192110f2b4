import type { Plan, RouteShape, Snapshot } from '../core/index.js';
import type { Exchange } from './exchange.js';
import { hostOf } from './request-head.js';

/** Where a request that is under way would go if it began now. */
export interface PlanNow {
  readonly shape: RouteShape;
  /** That of the current version. */
  readonly plan: Plan;
}

/** Undefined where it would go to another route, or to none. */
export function planNow(
  { table, plans }: Snapshot,
  { request, method, route, environment = '' }: Exchange,
): PlanNow | undefined {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const host = table.readsHost ? hostOf(request.rawHeaders) : undefined;
  const shape = table.match(method, host, path);
  if (shape === undefined || shape.name !== route) return undefined;
  const plan = plans[shape.index]?.get(environment);
  return plan === undefined ? undefined : { shape, plan };
}
