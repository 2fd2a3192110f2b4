import type { OpenAPIHono } from '@hono/zod-openapi';
import { actorOf } from './actor.js';
import type { AdminEnvironment } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { problemResponses } from './problem-schema.js';
import { requireRole, requireUnscoped } from './scope.js';
import { resume, streamAnswer } from './stream-answer.js';
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
    const name = `keyferry-${toTimestamp(dependencies.clock.now()).replaceAll(/[:.]/g, '-')}.backup`;
    const about = { type: 'application/octet-stream', name };
    return streamAnswer(context, about, resume(first, chunks), dependencies);
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
