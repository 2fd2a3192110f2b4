import { z } from '@hono/zod-openapi';
import type { Admin, Problem, RoutesDocument, RoutesRevision } from '../core/index.js';
import { etag } from './if-match.js';
import { ProblemItem } from './problem-schema.js';
import { visibleRoutes } from './routes-scope.js';
import { Timestamp, toTimestamp } from './wire-time.js';

/** The document before the first. */
export const NO_ROUTES: RoutesDocument = { routes: [] };

export const RevisionSchema = z
  .strictObject({
    id: z.string(),
    revision: z.int().openapi({ description: '0 before the first' }),
    createdAt: Timestamp.nullable(),
    createdBy: z.string().nullable(),
    source: z.enum(['file', 'api']).nullable(),
    restores: z.int().nullable().openapi({ description: 'The revision that this one took back' }),
  })
  .openapi('RoutesRevision');
export const RevisionWithDocument = z
  .strictObject({
    ...RevisionSchema.shape,
    document: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'The routes document; limited to what the token may see' }),
  })
  .openapi('RoutesRevisionWithDocument');
export const Applied = z
  .strictObject({ ...RevisionWithDocument.shape, warnings: z.array(ProblemItem) })
  .openapi('AppliedRoutes');
export const Findings = z
  .strictObject({
    valid: z.boolean(),
    problems: z.array(ProblemItem),
    warnings: z.array(ProblemItem),
  })
  .openapi('RoutesFindings');
export const Differences = z
  .strictObject({
    from: z.int(),
    to: z.int(),
    differences: z.array(
      z.strictObject({ path: z.string(), kind: z.enum(['added', 'removed', 'changed']) }),
    ),
  })
  .openapi('RoutesDifferences');

/** The answer to what applied a document. */
export function showApplied(admin: Admin, revision: RoutesRevision, warnings: readonly Problem[]) {
  return {
    body: { ...showWithDocument(admin, revision), warnings: [...warnings] },
    headers: etag(revision.revision),
  };
}

/** A revision with what the token may see of its document. */
export function showWithDocument(
  admin: Admin,
  revision: RoutesRevision | undefined,
): z.input<typeof RevisionWithDocument> {
  const document = { ...visibleRoutes(admin, revision?.document ?? NO_ROUTES) };
  if (revision !== undefined) return { ...showRevision(revision), document };
  const none = { createdAt: null, createdBy: null, source: null, restores: null };
  return { id: '0', revision: 0, ...none, document };
}

/** A revision without its document. */
export function showRevision(
  revision: Omit<RoutesRevision, 'document'>,
): z.input<typeof RevisionSchema> {
  return {
    id: String(revision.revision),
    revision: revision.revision,
    createdAt: toTimestamp(revision.createdAtMs),
    createdBy: revision.createdBy,
    source: revision.source,
    restores: revision.restores,
  };
}
