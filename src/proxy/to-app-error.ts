import { AppError } from '../core/index.js';

/** An error of ours as it is; any other one is our mistake. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal_error', 'Something went wrong inside Keyferry.', { cause: error });
}
