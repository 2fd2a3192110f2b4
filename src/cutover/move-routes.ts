import type { Cutover, CutoverRoutes, RoutesChange } from '../core/index.js';
import type { CutoverDecision } from './decide-cutover.js';

/** A decision that changes something. */
export type SettledDecision = Exclude<CutoverDecision, { action: 'wait' | 'probe' }>;

/** The same with the routes that are to be applied with it, or nothing to do. */
export type RoutedDecision =
  | { readonly action: 'wait' }
  | (SettledDecision & { readonly routes?: RoutesChange | undefined });

/**
 * What a decision about a cutover by name needs of the routes: they go on to name the new secret where it becomes
 * current, and name the old one again where it is rolled back. Where they cannot, the decision is another one.
 */
export async function moveRoutes(
  cutover: Cutover,
  decision: SettledDecision,
  routes: CutoverRoutes,
): Promise<RoutedDecision> {
  const { toSecret, state, step, settings, hold } = cutover;
  const { evidence } = decision;
  if (toSecret === null) return decision;
  if (decision.action === 'advance') {
    const next = state === 'PENDING' ? 0 : step + 1;
    if (next < settings.steps.length - 1) return decision;
    const found = await routes.forward(cutover);
    switch (found.type) {
      case 'apply':
        return { ...decision, routes: found.change };
      case 'done':
        return decision;
      case 'wait':
        return hold === 'waiting_for_file'
          ? { action: 'wait' }
          : { action: 'hold', hold: 'waiting_for_file', evidence };
      case 'refused':
        return { action: 'rollback', reason: found.reason, evidence };
    }
  }
  if (decision.action !== 'rollback' || state !== 'CURRENT') return decision;
  const found = await routes.back(cutover);
  if (found.type === 'apply') return { ...decision, routes: found.change };
  if (found.type === 'done') return decision;
  return hold === 'refused' ? { action: 'wait' } : { action: 'hold', hold: 'refused', evidence };
}
