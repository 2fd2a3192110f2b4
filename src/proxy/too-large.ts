import { AppError } from '../core/index.js';

/** What a body that is longer than its route takes is answered with. */
export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'request_too_large',
    `The body is longer than this route takes: ${maxBytes} bytes.`,
  );
}
