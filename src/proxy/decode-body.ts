import {
  type BrotliDecompress,
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  type Gunzip,
  gunzipSync,
} from 'node:zlib';
import type { Dispatcher } from 'undici';

export type Coding = 'gzip' | 'br';

/** Decoded at once, while others wait: well below a millisecond. */
const SHORT_ENCODED_BYTES = 32 * 1024;
const SHORT_DECODED_BYTES = 256 * 1024;

/**
 * Decodes a whole body that is short: most answers are, and setting up a stream costs more than they do. Undefined
 * where it is not short, or broken: a stream then says which.
 */
export function decodeShort(coding: Coding, body: Buffer): Buffer | undefined {
  if (body.length > SHORT_ENCODED_BYTES) return undefined;
  const options = { maxOutputLength: SHORT_DECODED_BYTES };
  try {
    return coding === 'gzip' ? gunzipSync(body, options) : brotliDecompressSync(body, options);
  } catch {
    return undefined;
  }
}

export interface DecodedBody {
  decoded(piece: Buffer): void;
  /** The encoded body is complete, and all of it was decoded. */
  decodedAll(): void;
  /** The body is not what its encoding says. */
  notDecodable(): void;
}

/**
 * Decodes a body as it comes. Both sides wait for each other: little more than one piece is in memory, however much
 * it decodes to. To the reader it is what undici's controller is: something to pause.
 */
export class BodyDecoder implements Dispatcher.DispatchController {
  readonly aborted = false;
  readonly reason = null;
  readonly #stream: Gunzip | BrotliDecompress;

  constructor(coding: Coding, reader: DecodedBody) {
    this.#stream = coding === 'gzip' ? createGunzip() : createBrotliDecompress();
    this.#stream.on('data', (piece: Buffer) => reader.decoded(piece));
    this.#stream.on('end', () => reader.decodedAll());
    this.#stream.on('error', () => reader.notDecodable());
  }

  write(piece: Buffer, source: Dispatcher.DispatchController): void {
    if (this.#stream.write(piece)) return;
    source.pause();
    this.#stream.once('drain', () => source.resume());
  }

  end(): void {
    this.#stream.end();
  }

  get paused(): boolean {
    return this.#stream.isPaused();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  abort(): void {
    this.#stream.destroy();
  }
}
