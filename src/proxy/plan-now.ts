import type { Plan, RouteShape, Snapshot } from '../core/index.js';
import { otherVersion } from './choose-version.js';
import type { Exchange } from './exchange.js';
import type { RequestContext } from './request-context.js';
import { hostOf } from './request-head.js';
import { hasExpired } from './require-usable.js';

/** How a request that is under way would be sent if it began now. */
export interface PlanNow {
  readonly snapshot: Snapshot;
  readonly shape: RouteShape;
  readonly plan: Plan;
}

/** The plan of the current version; undefined where the request would go to another route, or to none. */
export function planNow(context: RequestContext, exchange: Exchange): PlanNow | undefined {
  const snapshot = context.snapshot();
  const { request, method, route, environment = '' } = exchange;
  const [path = ''] = (request.url ?? '').split('?', 1);
  const host = snapshot.table.readsHost ? hostOf(request.rawHeaders) : undefined;
  const shape = snapshot.table.match(method, host, path);
  if (shape === undefined || shape.name !== route) return undefined;
  const plan = snapshot.plans[shape.index]?.get(environment);
  return plan === undefined ? undefined : { snapshot, shape, plan };
}

/** The plan for what was refused by another one; undefined where no version may be tried in its place. */
export function otherNow(
  context: RequestContext,
  exchange: Exchange,
  refused: Plan,
): PlanNow | undefined {
  const now = planNow(context, exchange);
  if (now?.snapshot.clients.holds(exchange.clientId) !== true) return undefined;
  const plan = otherVersion(now.plan, refused);
  // Only the upstream that answered is asked again.
  if (plan === undefined || plan.upstream.id !== refused.upstream.id) return undefined;
  if (plan.failure !== undefined || hasExpired(context, plan)) return undefined;
  return { ...now, plan };
}
