import type { Plan } from '../core/index.js';

/** RFC 9110 section 15.5.4: it speaks of the credential or of the caller; what the other version gets tells which. */
const FORBIDDEN = 403;

/**
 * Whether an answer to a request with this plan's versions is worth trying the other ones: it refuses the credential, or
 * forbids with the newer version what the older one may be allowed.
 */
export function mayRefuse(plan: Plan, status: number): boolean {
  return plan.refusedStatuses.has(status) || (status === FORBIDDEN && isNewer(plan));
}

/** Whether an answer may speak of the caller as well as of the credential. */
export function isForbidden(plan: Plan, status: number): boolean {
  return status === FORBIDDEN && !plan.refusedStatuses.has(status);
}

function isNewer({ trialOf, trials }: Plan): boolean {
  if (trialOf !== undefined) return trialOf.side === 'new';
  return trials?.some(({ otherSide }) => otherSide === 'old') ?? false;
}
