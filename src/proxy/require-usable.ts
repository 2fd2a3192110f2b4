import { AppError, type Plan } from '../core/index.js';
import type { RequestContext } from './request-context.js';

/** Throws what every request of a plan that places no value must be answered with. */
export function requireUsable(context: RequestContext, plan: Plan): void {
  if (plan.failure !== undefined) throw new AppError(plan.failure.code, plan.failure.detail);
  if (hasExpired(context, plan)) {
    const detail = `A version in use by the route "${plan.route}" in environment "${plan.environment}" has expired.`;
    throw new AppError('secret_expired', detail);
  }
}

/** Whether a version in use is too old to be placed. */
export function hasExpired({ strictExpiry, now }: RequestContext, plan: Plan): boolean {
  return strictExpiry && plan.expiresAtMs <= now();
}
