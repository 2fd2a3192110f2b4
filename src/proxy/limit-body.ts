import { Transform, type TransformCallback } from 'node:stream';
import { AppError } from '../core/index.js';

/** Passes a body of unknown length through until it is longer than allowed. */
export class BodyLimit extends Transform {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) callback(tooLarge(this.#maxBytes));
    else callback(null, chunk);
  }
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'request_too_large',
    `The body is longer than this route takes: ${maxBytes} bytes.`,
  );
}
