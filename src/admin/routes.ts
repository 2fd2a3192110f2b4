import { z } from '@hono/zod-openapi';
import {
  type Admin,
  AppError,
  type Problem,
  type RoutesDocument,
  type RoutesRevision,
  type Store,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { readIfMatch } from './if-match.js';
import { defineOperation, type Operation } from './operation.js';
import { ProblemItem } from './problem-schema.js';
import { booleanParameter, integerParameter, pageOf, pageParameters } from './query-parameters.js';
import { MAX_ROUTES_BODY_BYTES } from './read-body.js';
import { mergeOutside, requireOutsideUnchanged, visibleRoutes } from './routes-scope.js';
import { isScoped, requireUnscoped } from './scope.js';
import { Timestamp, toTimestamp } from './wire-time.js';

const NO_ROUTES: RoutesDocument = { routes: [] };
const MAX_REVISION = 999_999_999;

/** The document's own rules are checked by the routes control, which reports all problems at once. */
const RoutesBody = z.unknown().openapi({
  type: 'object',
  description: 'A routes document, as `routes.schema.json` describes it',
});
const EXAMPLE = {
  routes: [
    {
      name: 'stripe',
      match: { pathPrefix: '/stripe' },
      headers: { Authorization: 'Bearer <<secret:stripe_api_key>>' },
      environments: { production: { upstream: 'https://api.stripe.com' } },
    },
  ],
};

const RevisionSchema = z
  .strictObject({
    id: z.string(),
    revision: z.int().openapi({ description: '0 before the first' }),
    createdAt: Timestamp.nullable(),
    createdBy: z.string().nullable(),
    source: z.enum(['file', 'api']).nullable(),
    restores: z.int().nullable().openapi({ description: 'The revision that this one took back' }),
  })
  .openapi('RoutesRevision');
const RevisionWithDocument = z
  .strictObject({
    ...RevisionSchema.shape,
    document: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'The routes document; limited to what the token may see' }),
  })
  .openapi('RoutesRevisionWithDocument');
const Applied = z
  .strictObject({ ...RevisionWithDocument.shape, warnings: z.array(ProblemItem) })
  .openapi('AppliedRoutes');
const Findings = z
  .strictObject({
    valid: z.boolean(),
    problems: z.array(ProblemItem),
    warnings: z.array(ProblemItem),
  })
  .openapi('RoutesFindings');
const Differences = z
  .strictObject({
    from: z.int(),
    to: z.int(),
    differences: z.array(
      z.strictObject({ path: z.string(), kind: z.enum(['added', 'removed', 'changed']) }),
    ),
  })
  .openapi('RoutesDifferences');

const revisionNumber = integerParameter(0, MAX_REVISION, 'Number of a revision');
const ApplyQuery = z.strictObject({
  allowMissing: booleanParameter('Apply although a named secret has no value').optional(),
});

export function routesOperations(dependencies: AdminDependencies): Operation[] {
  const { store, routes, routesFile } = dependencies;
  const tag = 'routes';
  return [
    defineOperation({
      method: 'get',
      path: '/v1/routes',
      tag,
      summary: 'Show the applied routes document',
      description: 'Its `ETag` is what `If-Match` of the next PUT takes.',
      role: 'viewer',
      status: 200,
      answer: RevisionWithDocument,
      etag: true,
      answerDescription: 'The applied revision; revision 0 without routes before the first',
      changes: false,
      async handle({ caller }) {
        const revision = await store.currentRoutes();
        return {
          body: showWithDocument(caller.admin, revision),
          headers: etag(revision?.revision ?? 0),
        };
      },
    }),
    defineOperation({
      method: 'put',
      path: '/v1/routes',
      tag,
      summary: 'Apply a routes document',
      description:
        'Each applied document is an immutable numbered revision. A bad one changes nothing. A limited token replaces the routes that it may see.',
      role: 'operator',
      query: ApplyQuery,
      body: RoutesBody,
      bodyRequired: true,
      example: EXAMPLE,
      maxBodyBytes: MAX_ROUTES_BODY_BYTES,
      status: 200,
      answer: Applied,
      etag: true,
      answerDescription: 'The revision that is applied now',
      errors: ['routes_invalid', 'routes_managed_by_file', 'precondition_failed'],
      ifMatch: true,
      changes: true,
      async handle({ caller, query, body, context }) {
        requireStored(routesFile);
        const wanted = readIfMatch(context.req.header('if-match'));
        const scoped = await withinScope(dependencies, caller.admin, body, wanted);
        const applied = await routes.apply({
          ...scoped,
          actor: actorOf(caller),
          source: 'api',
          allowMissing: query.allowMissing ?? false,
        });
        return showApplied(caller.admin, applied.revision, applied.warnings);
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/routes/validate',
      tag,
      summary: 'Check a routes document without applying it',
      role: 'viewer',
      query: ApplyQuery,
      body: RoutesBody,
      bodyRequired: true,
      example: EXAMPLE,
      maxBodyBytes: MAX_ROUTES_BODY_BYTES,
      status: 200,
      answer: Findings,
      answerDescription: 'What is wrong with it and what should be changed',
      changes: false,
      async handle({ caller, query, body }) {
        const allowMissing = query.allowMissing ?? false;
        const { document } = await withinScope(dependencies, caller.admin, body, undefined);
        const { problems, warnings } = await routes.validate({ document, allowMissing });
        const valid = problems.length === 0;
        return { body: { valid, problems: [...problems], warnings: [...warnings] } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/routes/revisions',
      tag,
      summary: 'List revisions, newest first',
      role: 'viewer',
      query: z.strictObject(pageParameters),
      status: 200,
      answer: pageOf(RevisionSchema),
      answerDescription: 'One page of revisions, without documents',
      changes: false,
      async handle({ query }) {
        const page = await store.listRevisions(query);
        return { body: { items: page.items.map(showRevision), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/routes/revisions/{revision}',
      tag,
      summary: 'Show a revision',
      role: 'viewer',
      params: z.strictObject({ revision: revisionNumber }),
      status: 200,
      answer: RevisionWithDocument,
      etag: true,
      answerDescription: 'The revision with its document',
      errors: ['not_found'],
      changes: false,
      async handle({ caller, params }) {
        const found = await findRevision(store, params.revision);
        return { body: showWithDocument(caller.admin, found), headers: etag(params.revision) };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/routes/compare',
      tag,
      summary: 'Compare two revisions',
      role: 'viewer',
      query: z.strictObject({
        from: revisionNumber,
        to: revisionNumber.optional().openapi({ description: 'The applied one unless said' }),
      }),
      status: 200,
      answer: Differences,
      answerDescription: 'What differs, by JSON path',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, query }) {
        const current = await store.currentRoutes();
        const to = query.to ?? current?.revision ?? 0;
        const [before, after] = await Promise.all(
          [query.from, to].map((number) => findRevision(store, number)),
        );
        const differences = dependencies.diffRoutes(
          visibleRoutes(admin, before?.document ?? NO_ROUTES),
          visibleRoutes(admin, after?.document ?? NO_ROUTES),
        );
        return { body: { from: query.from, to, differences: [...differences] } };
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/routes/revisions/{revision}/restore',
      tag,
      summary: 'Apply an earlier revision again',
      description:
        'It becomes the newest revision. Takes a whole document back, so the token must not be limited.',
      role: 'operator',
      params: z.strictObject({
        revision: integerParameter(1, MAX_REVISION, 'Number of a revision'),
      }),
      query: ApplyQuery,
      status: 200,
      answer: Applied,
      etag: true,
      answerDescription: 'The revision that is applied now',
      errors: ['not_found', 'routes_invalid', 'routes_managed_by_file', 'precondition_failed'],
      ifMatch: true,
      changes: true,
      async handle({ caller, params, query, context }) {
        requireStored(routesFile);
        requireUnscoped(caller.admin);
        const applied = await routes.restore({
          actor: actorOf(caller),
          revision: params.revision,
          allowMissing: query.allowMissing ?? false,
          ifRevision: readIfMatch(context.req.header('if-match')),
        });
        return showApplied(caller.admin, applied.revision, applied.warnings);
      },
    }),
  ];
}

/** What to hand on: a limited token's document is put into the applied one, pinned to that revision. */
async function withinScope(
  { store, routes }: AdminDependencies,
  admin: Admin,
  body: unknown,
  wanted: number | undefined,
): Promise<{ document: unknown; ifRevision: number | undefined }> {
  if (!isScoped(admin)) return { document: body, ifRevision: wanted };
  const { document } = await routes.validate({ document: body, allowMissing: true });
  // What has not the form of a routes document cannot be merged; applying it reports all that is wrong.
  if (document === undefined) return { document: body, ifRevision: wanted };
  const current = await store.currentRoutes();
  const applied = current?.document ?? NO_ROUTES;
  const merged = mergeOutside(admin, applied, document);
  requireOutsideUnchanged(admin, applied, merged);
  return { document: merged, ifRevision: wanted ?? current?.revision ?? 0 };
}

function requireStored(routesFile: string | undefined): void {
  if (routesFile === undefined) return;
  throw new AppError(
    'routes_managed_by_file',
    `The routes are those of the file ${routesFile}: change that file and they are applied when it is saved. ` +
      'To manage them here, start the server without --routes.',
  );
}

async function findRevision(store: Store, revision: number): Promise<RoutesRevision | undefined> {
  if (revision === 0) return undefined;
  const found = await store.getRevision(revision);
  if (found !== undefined) return found;
  const newest = (await store.currentRoutes())?.revision ?? 0;
  throw new AppError(
    'not_found',
    `There is no revision ${revision} of the routes; the newest is ${newest}.`,
  );
}

function etag(revision: number): Record<string, string> {
  return { ETag: `"${revision}"` };
}

function showApplied(admin: Admin, revision: RoutesRevision, warnings: readonly Problem[]) {
  return {
    body: { ...showWithDocument(admin, revision), warnings: [...warnings] },
    headers: etag(revision.revision),
  };
}

function showWithDocument(
  admin: Admin,
  revision: RoutesRevision | undefined,
): z.input<typeof RevisionWithDocument> {
  const document = { ...visibleRoutes(admin, revision?.document ?? NO_ROUTES) };
  if (revision !== undefined) return { ...showRevision(revision), document };
  const none = { createdAt: null, createdBy: null, source: null, restores: null };
  return { id: '0', revision: 0, ...none, document };
}

function showRevision(revision: Omit<RoutesRevision, 'document'>): z.input<typeof RevisionSchema> {
  return {
    id: String(revision.revision),
    revision: revision.revision,
    createdAt: toTimestamp(revision.createdAtMs),
    createdBy: revision.createdBy,
    source: revision.source,
    restores: revision.restores,
  };
}
