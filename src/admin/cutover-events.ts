import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AdminContext, AdminEnvironment, AuthenticatedAdmin } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import { CutoverStreams, LAST_EVENT_ID } from './cutover-streams.js';
import { CutoverPath } from './cutovers.js';
import type { AdminDependencies } from './dependencies.js';
import { EventStream } from './event-stream.js';
import { requireVisible } from './find-cutover.js';
import { hideOutside } from './hide-outside.js';
import { problemResponses } from './problem-schema.js';
import { CutoverWithFiguresSchema } from './show-cutover.js';

/** `GET /v1/cutovers/{id}/events`: the cutover at once, and again whenever something about it changes. */
export function addCutoverEvents(
  app: OpenAPIHono<AdminEnvironment>,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): void {
  const streams = new CutoverStreams(dependencies);
  app.get('/v1/cutovers/:id/events', async (context) => {
    const caller = await authenticate(context);
    try {
      return await follow(context, caller, streams, dependencies, async () => {
        return (await authenticate(context)).admin;
      });
    } catch (error) {
      throw hideOutside(caller.admin, error);
    }
  });
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/cutovers/{id}/events',
    tags: ['cutovers'],
    operationId: 'getCutoversIdEvents',
    summary: 'Follow a cutover (server-sent events)',
    description:
      'Each event is the whole cutover: one at once, then one for each change, at most once a second, and the last when it has ended. The stream is cut when the token is revoked. At most 20 streams of one admin and 100 in all.\n\nRole: `viewer`.',
    security: [{ adminToken: [] }],
    request: { params: CutoverPath },
    responses: {
      200: {
        description: 'Events whose data is the cutover as JSON',
        content: { 'text/event-stream': { schema: CutoverWithFiguresSchema } },
      },
      204: { description: 'The last event was seen (`Last-Event-ID`): nothing more comes' },
      ...problemResponses([
        'invalid_request',
        'unauthenticated',
        'forbidden',
        'not_found',
        'rate_limited',
        'draining',
        'internal_error',
        'store_unavailable',
      ]),
    },
  });
}

async function follow(
  context: AdminContext,
  { admin, token }: AuthenticatedAdmin,
  streams: CutoverStreams,
  { store }: AdminDependencies,
  authenticate: () => Promise<AuthenticatedAdmin['admin']>,
): Promise<Response> {
  const cutoverId = context.req.param('id') ?? '';
  const cutover = requireVisible(admin, await store.getCutover(cutoverId));
  const hasEnded = cutover.endedAtMs !== null;
  if (hasEnded && context.req.header('last-event-id') === LAST_EVENT_ID) {
    // What keeps a browser's EventSource from asking again and again.
    return context.body(null, 204);
  }
  streams.requireRoom(admin.id);
  const event = await streams.eventOf(cutover);
  const { outgoing } = context.env;
  const stream = new EventStream(outgoing, Object.fromEntries(context.body(null).headers));
  if (context.req.method === 'HEAD') stream.end();
  stream.offer(event);
  await streams.follow({ cutoverId, adminId: admin.id, token, stream, authenticate });
  return RESPONSE_ALREADY_SENT;
}
