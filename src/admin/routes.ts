import { z } from '@hono/zod-openapi';
import { AppError, type RoutesRevision, type Store } from '../core/index.js';
import { actorOf } from './actor.js';
import { applyScoped, shownTo, withinScope } from './apply-within-scope.js';
import type { AdminDependencies } from './dependencies.js';
import { etag, readIfMatch } from './if-match.js';
import { defineOperation, type Operation } from './operation.js';
import { booleanParameter, integerParameter, pageOf, pageParameters } from './query-parameters.js';
import { MAX_ROUTES_BODY_BYTES } from './read-body.js';
import { visibleRoutes } from './routes-scope.js';
import { requireUnscoped } from './scope.js';
import {
  Applied,
  Differences,
  Findings,
  NO_ROUTES,
  RevisionSchema,
  RevisionWithDocument,
  showApplied,
  showRevision,
  showWithDocument,
} from './show-routes.js';

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
        const applied = await applyScoped(scoped, (narrowed) =>
          routes.apply({
            ...narrowed,
            actor: actorOf(caller),
            source: 'api',
            allowMissing: query.allowMissing ?? false,
          }),
        );
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
        const { document, ...alone } = await routes.validate({ document: body, allowMissing });
        const scoped =
          document === undefined
            ? undefined
            : await withinScope(dependencies, caller.admin, document, undefined);
        const narrowed = scoped?.narrowed ?? false;
        const found = narrowed
          ? await routes.validate({ document: scoped?.document, allowMissing })
          : alone;
        const problems = [...shownTo(narrowed, found.problems)];
        const warnings = [...shownTo(narrowed, found.warnings)];
        return { body: { valid: problems.length === 0, problems, warnings } };
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
