import { AppError, type Problem } from '../core/index.js';

/** `invalid_request` with every problem; the detail says the first. There must be one. */
export function invalidRequest(problems: readonly Problem[]): AppError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see "errors")` : '';
  const at = first === undefined || first.path === '$' ? 'the body' : first.path;
  const hint = first?.nearest === undefined ? '' : `; did you mean "${first.nearest}"?`;
  const detail = `${at}: ${first?.message ?? 'not valid'}${hint}${more}`;
  return new AppError('invalid_request', detail, { problems });
}
