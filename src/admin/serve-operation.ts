import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AdminContext, AuthenticatedAdmin } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { hideOutside } from './hide-outside.js';
import { requireIdempotencyKey, runOnce } from './idempotency.js';
import type { Answer, Operation } from './operation.js';
import { MAX_BODY_BYTES, readBody } from './read-body.js';
import { requireRole } from './scope.js';

/**
 * One call, in a straight line: authenticate → role → read → (once per idempotency key) check and run →
 * publish → answer. A change is answered only after every local worker uses it.
 */
export function serveOperation(
  operation: Operation,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): (context: AdminContext) => Promise<Response> {
  return async (context) => {
    const caller = await authenticate(context);
    try {
      requireRole(caller.admin, operation.role);
      return await serve(context, caller, operation, dependencies);
    } catch (error) {
      throw hideOutside(caller.admin, error);
    }
  };
}

async function serve(
  context: AdminContext,
  caller: AuthenticatedAdmin,
  operation: Operation,
  dependencies: AdminDependencies,
): Promise<Response> {
  const { bytes, json } = await readBody(context, operation.maxBodyBytes ?? MAX_BODY_BYTES);
  const input = { params: context.req.param(), query: queryOf(context), body: json };
  const run = () => operation.run(input, caller, context);

  const key = operation.method === 'post' ? context.req.header('idempotency-key') : undefined;
  if (key === undefined) {
    const answer = await run();
    if (operation.changes) await dependencies.publish();
    return send(context, operation.status, JSON.stringify(answer.body), answer.headers);
  }

  requireIdempotencyKey(key);
  const url = new URL(context.req.url);
  const request = { method: context.req.method, target: url.pathname + url.search, body: bytes };
  const outcome = await runOnce(dependencies.store, caller, key, request, async () => {
    const result = await run();
    return { result, keep: { status: operation.status, body: asKept(result) } };
  });
  if (operation.changes) await dependencies.publish();
  if (outcome.replayed) {
    const headers = { 'Keyferry-Idempotent-Replay': 'true' };
    return send(context, outcome.answer.status, outcome.answer.body, headers);
  }
  const { body, headers } = outcome.result;
  return send(context, operation.status, JSON.stringify(body), headers);
}

function send(
  context: AdminContext,
  status: number,
  body: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Response {
  for (const [name, value] of Object.entries(headers)) context.header(name, value);
  if (status === 204 || body === undefined || body === '') return context.body(null, 204);
  context.header('Content-Type', 'application/json');
  return context.body(body, { status: status as ContentfulStatusCode });
}

/** A token is shown once, and what an upstream answered is not kept: a repetition is answered without them. */
function asKept({ body }: Answer<unknown>): string {
  if (typeof body !== 'object' || body === null) return JSON.stringify(body) ?? '';
  const { token: _, response: __, ...kept } = body as Readonly<Record<string, unknown>>;
  return JSON.stringify(kept);
}

/** Repeated parameters become arrays, which no parameter takes. */
export function queryOf(context: AdminContext): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? (values[0] ?? '') : values,
    ]),
  );
}
