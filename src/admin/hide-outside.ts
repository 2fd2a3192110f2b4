import { type Admin, AppError } from '../core/index.js';
import { isScoped, outsideScope } from './scope.js';

/**
 * The store's `not_found` and `environment_unknown` name the nearest spelling, which may lie outside a
 * limited token's scope: such a token gets the bare answer.
 */
export function hideOutside(admin: Admin, error: unknown): unknown {
  if (!(error instanceof AppError) || !isScoped(admin)) return error;
  if (error.code === 'not_found') return outsideScope();
  if (error.code === 'environment_unknown') {
    return new AppError('environment_unknown', 'The environment is not declared.', {
      cause: error.cause,
    });
  }
  return error;
}
