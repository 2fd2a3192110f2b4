import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { type Admin, AppError } from '../core/index.js';
import type { AdminContext, AdminEnvironment } from './admin-environment.js';
import { AttemptLimit } from './attempt-limit.js';
import { type Authenticate, addressOf, isActive } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { dueEvents } from './due-events.js';
import { findAdmin } from './find-admin.js';
import { defineOperation, type Operation } from './operation.js';
import { problemResponses } from './problem-schema.js';
import { renderCalendar } from './render-calendar.js';
import { requireOwnToken } from './require-own-token.js';

const PATH = '/v1/rotations/calendar.ics';

/** `GET /v1/rotations/calendar`: where a calendar program finds the feed. */
export function calendarOperation({ tokens }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/rotations/calendar',
    tag: 'rotations',
    summary: 'Show the address of the calendar of due rotations',
    description:
      'With a token that can do nothing but read this feed: what the admin sees, as long as the admin is not revoked. For a feed that can be ended by itself, make an admin for it (role `viewer`), and ask with its token.',
    role: 'viewer',
    status: 200,
    answer: z
      .strictObject({
        path: z.string().openapi({ example: `${PATH}?feed=kff_…` }),
      })
      .openapi('RotationCalendar'),
    answerDescription: 'Path and query on this listener',
    changes: false,
    async handle({ caller }) {
      requireOwnToken(caller.admin, 'The address of a calendar');
      return { body: { path: `${PATH}?feed=${tokens.feedOf(caller.admin.id)}` } };
    },
  });
}

/** `GET /v1/rotations/calendar.ics`: what is due, for calendar programs, which send no headers. */
export function addCalendar(
  app: OpenAPIHono<AdminEnvironment>,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): void {
  const { clock } = dependencies;
  const limit = new AttemptLimit(clock);
  app.get(PATH, async (context) => {
    const admin =
      context.env.caller === undefined && context.req.header('authorization') === undefined
        ? await readerOf(context, dependencies, limit)
        : (await authenticate(context)).admin;
    const events = await dueEvents(dependencies, admin);
    context.header('Content-Type', 'text/calendar; charset=utf-8');
    context.header('Content-Disposition', 'inline; filename="keyferry.ics"');
    return context.body(renderCalendar(events, clock.now()));
  });
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: PATH,
    tags: ['rotations'],
    operationId: 'getRotationsCalendarIcs',
    summary: 'Read the calendar of due rotations (iCalendar)',
    description:
      'One event for each rotation that is planned, and for each value that nobody rotates by itself and that is due. With the feed token of `GET /v1/rotations/calendar` in the query, or an admin token as everywhere.\n\nRole: `viewer`.',
    security: [{ feedToken: [] }, { adminToken: [] }],
    responses: {
      200: {
        description: 'RFC 5545',
        content: { 'text/calendar': { schema: z.string() } },
      },
      ...problemResponses([
        'invalid_request',
        'unauthenticated',
        'forbidden',
        'rate_limited',
        'internal_error',
        'store_unavailable',
      ]),
    },
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'feedToken', {
    type: 'apiKey',
    in: 'query',
    name: 'feed',
    description: 'A feed token, `kff_…`: reads the calendar and nothing else',
  });
}

/** The admin whose feed it is. */
async function readerOf(
  context: AdminContext,
  { store, tokens, clock }: AdminDependencies,
  limit: AttemptLimit,
): Promise<Admin> {
  const id = tokens.idOfFeed(context.req.query('feed') ?? '');
  const found = id === undefined ? undefined : await findAdmin(store, id);
  if (found !== undefined && isActive(found, clock.now())) return found;
  const retryAfterSeconds = limit.record(`address ${addressOf(context)}`);
  if (retryAfterSeconds === undefined) {
    throw new AppError(
      'unauthenticated',
      'This address is not, or no longer, that of a calendar: ask for it with GET /v1/rotations/calendar, or keyferry rotation calendar.',
    );
  }
  throw new AppError('rate_limited', 'Too many requests without a valid feed token.', {
    retryAfterSeconds,
  });
}
