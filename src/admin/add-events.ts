import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { OpenAPIHono, z } from '@hono/zod-openapi';
import { type Admin, AppError } from '../core/index.js';
import type { AdminContext, AdminEnvironment, AuthenticatedAdmin } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import { EventStream } from './event-stream.js';
import { type EventStreams, LAST_EVENT_ID, type Look } from './event-streams.js';
import { hideOutside } from './hide-outside.js';
import { problemResponses } from './problem-schema.js';

interface Followable {
  /** `cutovers`. */
  readonly noun: string;
  /** `cutover`. */
  readonly one: string;
  readonly params: z.ZodObject;
  readonly schema: z.ZodType;
  /** The thing as it is now; undefined when there is none. Its last event has the id `LAST_EVENT_ID`. */
  readonly lookAt: (id: string) => Promise<Look | undefined>;
  /** Throws `not_found` unless it is there and the admin sees it. */
  readonly require: (admin: Admin, id: string) => Promise<void>;
}

interface Parts {
  readonly authenticate: Authenticate;
  readonly streams: EventStreams;
}

/** `GET /v1/NOUN/{id}/events`: the thing at once, and again whenever something about it changes. */
export function addEvents(
  app: OpenAPIHono<AdminEnvironment>,
  parts: Parts,
  about: Followable,
): void {
  const { noun, one } = about;
  app.get(`/v1/${noun}/:id/events`, async (context) => {
    const caller = await parts.authenticate(context);
    try {
      return await follow(context, caller, parts, about);
    } catch (error) {
      throw hideOutside(caller.admin, error);
    }
  });
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: `/v1/${noun}/{id}/events`,
    tags: [noun],
    operationId: `get${noun[0]?.toUpperCase()}${noun.slice(1)}IdEvents`,
    summary: `Follow a ${one} (server-sent events)`,
    description: `Each event is the whole ${one}: one at once, then one for each change, at most once a second, and the last when it has ended. The stream is cut when the token is revoked. At most 20 streams of one admin and 100 in all.\n\nRole: \`viewer\`.`,
    security: [{ adminToken: [] }],
    request: { params: about.params },
    responses: {
      200: {
        description: `Events whose data is the ${one} as JSON`,
        content: { 'text/event-stream': { schema: about.schema } },
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
  { authenticate, streams }: Parts,
  about: Followable,
): Promise<Response> {
  const id = context.req.param('id') ?? '';
  await about.require(admin, id);
  const look = (): Promise<Look | undefined> => about.lookAt(id);
  const first = (await look())?.(admin);
  if (first === undefined) throw new AppError('not_found', `There is no such ${about.one}.`);
  if (first.isLast && context.req.header('last-event-id') === LAST_EVENT_ID) {
    // What keeps a browser's EventSource from asking again and again.
    return context.body(null, 204);
  }
  streams.requireRoom(admin.id);
  const { outgoing } = context.env;
  const stream = new EventStream(outgoing, Object.fromEntries(context.body(null).headers));
  if (context.req.method === 'HEAD') stream.end();
  stream.offer(first);
  await streams.follow({
    path: `/v1/${about.noun}/${id}`,
    look,
    adminId: admin.id,
    token,
    stream,
    authenticate: async () => (await authenticate(context)).admin,
  });
  return RESPONSE_ALREADY_SENT;
}
