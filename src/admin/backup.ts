import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { actorOf } from './actor.js';
import type { AdminContext, AdminEnvironment } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { problemResponses } from './problem-schema.js';
import { requireRole, requireUnscoped } from './scope.js';
import { toTimestamp } from './wire-time.js';

const PATH = '/v1/backup';

/**
 * `POST /v1/backup` streams an encrypted copy of everything. It changes nothing, so it takes an
 * `Idempotency-Key` without needing it: a repetition is a newer copy.
 */
export function addBackup(
  app: OpenAPIHono<AdminEnvironment>,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): void {
  app.post(PATH, async (context) => {
    const caller = await authenticate(context);
    requireRole(caller.admin, 'admin');
    requireUnscoped(caller.admin);
    const chunks = dependencies.backup()[Symbol.asyncIterator]();
    // The first piece before the head: a failure to begin is then a proper error.
    const first = await chunks.next();
    await dependencies.store.recordAudit({
      actor: actorOf(caller),
      action: 'backup.create',
      detail: {},
    });
    return send(context, resume(first, chunks), dependencies);
  });
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: PATH,
    tags: ['system'],
    operationId: 'postBackup',
    summary: 'Take an encrypted backup of everything',
    description:
      'Online and consistent. Restore it with `keyferry restore`; it needs the root key. Needs a token that is not limited.\n\nRole: `admin`.',
    security: [{ adminToken: [] }],
    responses: {
      200: {
        description: 'The backup file; it is whole only when the response ends cleanly',
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
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
}

/**
 * Writes to the Node response itself: the adapter would end a stream that fails as if it were whole, with the
 * error's text in it. Here a failure cuts the connection.
 */
async function send(
  context: AdminContext,
  chunks: AsyncIterable<Uint8Array>,
  { clock, logError }: AdminDependencies,
): Promise<Response> {
  const name = `keyferry-${toTimestamp(clock.now()).replaceAll(/[:.]/g, '-')}.backup`;
  context.header('Content-Type', 'application/octet-stream');
  context.header('Content-Disposition', `attachment; filename="${name}"`);
  const { outgoing } = context.env;
  outgoing.writeHead(200, Object.fromEntries(context.body(null).headers));
  try {
    await pipeline(Readable.from(chunks), outgoing);
  } catch (error) {
    logError(error, { requestId: context.get('requestId'), path: PATH });
  }
  return RESPONSE_ALREADY_SENT;
}

async function* resume(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    // Cut off early, the source must still clear away its copy.
    await rest.return?.();
  }
}
