import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, problemDocument } from '../core/index.js';
import type { AdminContext } from './admin-environment.js';

/** Turns an error into `application/problem+json` (RFC 9457). Foreign errors become `internal_error`, unseen. */
export function answerProblem(context: AdminContext, error: unknown): Response {
  const problem = error instanceof AppError ? error : translate(error);
  const requestId = context.get('requestId');
  context.header('Keyferry-Error', problem.code);
  context.header('Content-Type', 'application/problem+json');
  if (problem.retryAfterSeconds !== undefined) {
    context.header('Retry-After', String(problem.retryAfterSeconds));
  }
  if (problem.code === 'unauthenticated') {
    context.header('WWW-Authenticate', 'Bearer realm="keyferry admin"');
  }
  const document = problemDocument(problem.code, problem.message, requestId, problem.problems);
  return context.body(JSON.stringify(document), {
    status: problem.status as ContentfulStatusCode,
  });
}

function translate(error: unknown): AppError {
  if (error instanceof HTTPException && error.status < 500) {
    return new AppError('invalid_request', 'The request cannot be read.', { cause: error });
  }
  return new AppError(
    'internal_error',
    'Something unexpected happened. The server log has the cause under this request id.',
    { cause: error },
  );
}
