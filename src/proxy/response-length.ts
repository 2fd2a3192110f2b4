import { AppError } from '../core/index.js';

/** Throws `response_too_large` where the head of a response says that its body is longer than a route takes. */
export function guardResponseLength(headers: readonly string[], maxBytes: number): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== 14 || name.toLowerCase() !== 'content-length') continue;
    if (Number(headers[i + 1]) > maxBytes) throw responseTooLarge(maxBytes);
  }
}

/** What a response that is longer than its route takes is replaced with. */
export function responseTooLarge(maxBytes: number): AppError {
  const detail = `The response is longer than this route takes: ${maxBytes} bytes.`;
  return new AppError('response_too_large', detail);
}
