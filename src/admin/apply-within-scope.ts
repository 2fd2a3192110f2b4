import { type Admin, AppError, type Problem } from '../core/index.js';
import type { AdminDependencies, AppliedRoutes } from './dependencies.js';
import { mergeOutside, requireOutsideUnchanged } from './routes-scope.js';
import { isScoped } from './scope.js';
import { NO_ROUTES } from './show-routes.js';

/** A document ready to be checked or applied. */
export interface ScopedDocument {
  readonly document: unknown;
  readonly ifRevision: number | undefined;
  /** Whether it was put into the applied one, because the token is limited. */
  readonly narrowed: boolean;
}

/**
 * What to hand on: a limited token's document is put into the applied one, pinned to that revision. Throws
 * `routes_invalid` when it has not the form of one, and `forbidden` when it changes anything outside.
 */
export async function withinScope(
  { store, routes }: AdminDependencies,
  admin: Admin,
  body: unknown,
  wanted: number | undefined,
): Promise<ScopedDocument> {
  if (!isScoped(admin)) return { document: body, ifRevision: wanted, narrowed: false };
  const { document, problems } = await routes.validate({ document: body, allowMissing: true });
  if (document === undefined) {
    throw new AppError('routes_invalid', 'The routes document is not valid. Nothing was changed.', {
      problems,
    });
  }
  const current = await store.currentRoutes();
  const applied = current?.document ?? NO_ROUTES;
  const merged = mergeOutside(admin, applied, document);
  requireOutsideUnchanged(admin, applied, merged);
  return { document: merged, ifRevision: wanted ?? current?.revision ?? 0, narrowed: true };
}

/**
 * Applies it. Of a well-formed document the nearest spellings are names of the store, which may lie outside a
 * limited token's scope: they are left out.
 */
export async function applyScoped(
  scoped: ScopedDocument,
  apply: (scoped: Pick<ScopedDocument, 'document' | 'ifRevision'>) => Promise<AppliedRoutes>,
): Promise<AppliedRoutes> {
  const { document, ifRevision, narrowed } = scoped;
  try {
    const { revision, warnings } = await apply({ document, ifRevision });
    return { revision, warnings: shownTo(narrowed, warnings) };
  } catch (error) {
    if (!narrowed || !(error instanceof AppError) || error.problems.length === 0) throw error;
    const problems = shownTo(narrowed, error.problems);
    throw new AppError(error.code, error.message, { cause: error.cause, problems });
  }
}

/** Problems without nearest spellings where the token is limited. */
export function shownTo(narrowed: boolean, problems: readonly Problem[]): readonly Problem[] {
  return narrowed ? problems.map(({ nearest: _, ...problem }) => problem) : problems;
}
