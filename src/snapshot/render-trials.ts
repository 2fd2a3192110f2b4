import type { Plan, ResolvedValue, Trial } from '../core/index.js';
import { searchForBoth } from './placed-values.js';
import { type PlanSource, type Resolve, renderPlan } from './render-plan.js';
import { type PlanCutover, replacing } from './running-cutovers.js';

type Failure = Plan['failure'];

export interface RenderedTrials {
  /** Undefined without one. */
  readonly trials: readonly Trial[] | undefined;
  /** Why the new version cannot be placed where the old one can, by the cutover's id. */
  readonly failures: ReadonlyMap<string, Failure>;
}

/**
 * Renders the other plan of each cutover that a plan takes part in. One that fails is no trial: no request may take
 * it. `cutovers` are newest first.
 */
export function renderTrials(
  source: PlanSource,
  plan: Plan,
  cutovers: readonly PlanCutover[],
  resolve: Resolve,
): RenderedTrials {
  const failures = new Map<string, Failure>();
  const trials: Trial[] = [];
  for (const one of cutovers) {
    const { cutover, otherSide, share, clients } = one;
    if (!hasOwnVersion(one, resolve)) continue;
    const { id: cutoverId, step } = cutover;
    const rendered = renderOrFail(source, resolve, replacing(one.named, one.other));
    const [before, after] = otherSide === 'new' ? [plan, rendered] : [rendered, plan];
    if (before.failure === undefined && after.failure !== undefined) {
      failures.set(cutoverId, after.failure);
    }
    const isTried = cutover.state !== 'PENDING';
    if (!isTried || plan.failure !== undefined || rendered.failure !== undefined) continue;
    const scrub = searchForBoth(rendered.scrub, plan.scrub);
    const other: Plan = { ...rendered, scrub, trialOf: { cutoverId, step, side: otherSide } };
    const { stickyClients } = cutover.settings;
    trials.push({ cutoverId, step, other, otherSide, share, clients, stickyClients });
  }
  return { trials: trials.length === 0 ? undefined : withinOne(trials), failures };
}

/**
 * Cutovers and values are read one after the other: where a step came between, the plan has the other version
 * already, and the next snapshot, which is on its way, says so.
 */
function hasOwnVersion(
  { named, ownVersion, cutover: { environment } }: PlanCutover,
  resolve: Resolve,
): boolean {
  if (ownVersion === undefined) return true;
  const own: ResolvedValue = resolve({ secret: named, environment, version: undefined });
  // Of one that is not found it is not known which it is; its plan fails anyway.
  return own.status !== 'found' || own.version === ownVersion;
}

/** Shares that are more than all requests together are scaled down in proportion. */
function withinOne(trials: readonly Trial[]): readonly Trial[] {
  const sum = trials.reduce((total, { share }) => total + share, 0);
  return sum <= 1 ? trials : trials.map((trial) => ({ ...trial, share: trial.share / sum }));
}

/** A plan that cannot be made fails its own requests, and holds up no change of the others. */
export function renderOrFail(
  source: PlanSource,
  resolve: Resolve,
  replace?: Parameters<typeof renderPlan>[2],
): Plan {
  try {
    return renderPlan(source, resolve, replace);
  } catch {
    const { route, environment } = source.effective;
    const detail = `Route "${route}" could not be prepared in environment "${environment}". Nothing was sent.`;
    const plan = renderPlan(source, () => ({ status: 'missing' }));
    return { ...plan, failure: { code: 'internal_error', detail } };
  }
}
