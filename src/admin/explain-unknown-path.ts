import { AppError, nearestName } from '../core/index.js';
import type { AdminContext } from './admin-environment.js';

interface KnownPath {
  /** In OpenAPI form. */
  readonly path: string;
  readonly method: string;
}

/**
 * Why nothing answers a request: `method_not_allowed` (with `Allow`) where the path exists, else `not_found`
 * with the nearest path.
 */
export function explainUnknownPath(context: AdminContext, known: readonly KnownPath[]): AppError {
  const { path, method } = context.req;
  const filled = known.map((candidate) => ({ ...candidate, filled: fill(candidate.path, path) }));
  const methods = filled.filter((candidate) => candidate.filled === path).map((c) => c.method);
  if (methods.length > 0) {
    const allow = [...new Set(methods)].join(', ');
    context.header('Allow', allow);
    return new AppError(
      'method_not_allowed',
      `This path takes ${allow}${METHOD.test(method) ? `, not ${method}` : ''}.`,
    );
  }
  const paths = filled.map((candidate) => candidate.filled).filter((text) => text !== undefined);
  const nearest = nearestName(path.replace(/\/+$/, ''), paths);
  const hint = nearest === undefined ? 'See /docs for all of them.' : `Did you mean ${nearest}?`;
  return new AppError('not_found', `There is no such path. ${hint}`);
}

const METHOD = /^[A-Z]{1,20}$/;

/** The template with the request's own segments in place of its parameters; undefined if the counts differ. */
function fill(template: string, path: string): string | undefined {
  const wanted = template.split('/');
  const sent = path.replace(/(?<=.)\/+$/, '').split('/');
  if (wanted.length !== sent.length) return undefined;
  return wanted.map((part, index) => (part.startsWith('{') ? (sent[index] ?? '') : part)).join('/');
}
