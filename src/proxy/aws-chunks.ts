import { Transform, type TransformCallback } from 'node:stream';
import { AppError } from '../core/index.js';

/** Longer than any chunk head: a size, `;chunk-signature=` and a signature of either kind. */
const LONGEST_LINE = 1024;
const CHUNK_HEAD = /^([0-9a-fA-F]{1,12})(?:;.*)?$/;
const TRAILER_SIGNATURE = /^x-amz-trailer-signature:/i;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const LINE_END = Buffer.from('\r\n');

/** What a body in `aws-chunked` is made into. */
export type UnsignedForm = 'plain' | 'chunks';

/**
 * Takes a body of signed chunks (`aws-chunked`, Amazon S3 API reference, "Signature calculations for the
 * Authorization header: Transferring payload in multiple chunks") apart: `plain` lets out the content alone,
 * `chunks` the same chunks and trailers without signatures. A body that is not made so, or whose content is not
 * as long as said, fails with `request_rejected`.
 */
export class AwsChunks extends Transform {
  readonly #form: UnsignedForm;
  #contentLeft: number;
  /** Content bytes left of the chunk at hand. */
  #chunkLeft = 0;
  #state: 'head' | 'content' | 'contentEnd' | 'trailers' | 'end' = 'head';
  /** A line that is not complete. */
  #line = '';

  constructor(form: UnsignedForm, contentBytes: number) {
    super();
    this.#form = form;
    this.#contentLeft = contentBytes;
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let at = 0;
      while (at < piece.length) at = this.#take(piece, at);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.#state === 'end' ? null : malformed('it ends too early'));
  }

  #take(piece: Buffer, from: number): number {
    if (this.#state === 'content') return this.#takeContent(piece, from);
    if (this.#state === 'end') throw malformed('something follows its end');
    const feed = piece.indexOf(LINE_FEED, from);
    const to = feed === -1 ? piece.length : feed;
    this.#line += piece.toString('latin1', from, to);
    if (this.#line.length > LONGEST_LINE) throw malformed('a line is too long');
    if (feed === -1) return to;
    if (this.#line.charCodeAt(this.#line.length - 1) !== CARRIAGE_RETURN) {
      throw malformed('a line does not end with CR LF');
    }
    const line = this.#line.slice(0, -1);
    this.#line = '';
    this.#takeLine(line);
    return feed + 1;
  }

  #takeContent(piece: Buffer, from: number): number {
    const to = Math.min(piece.length, from + this.#chunkLeft);
    this.push(piece.subarray(from, to));
    this.#chunkLeft -= to - from;
    if (this.#chunkLeft === 0) this.#state = 'contentEnd';
    return to;
  }

  #takeLine(line: string): void {
    switch (this.#state) {
      case 'head': {
        const size = Number.parseInt(CHUNK_HEAD.exec(line)?.[1] ?? '', 16);
        if (Number.isNaN(size)) throw malformed('a chunk does not begin with its size');
        this.#contentLeft -= size;
        if (this.#contentLeft < 0 || (size === 0 && this.#contentLeft > 0)) {
          throw malformed('its content is not as long as X-Amz-Decoded-Content-Length says');
        }
        this.#chunkLeft = size;
        this.#state = size === 0 ? 'trailers' : 'content';
        this.#pass(size.toString(16));
        return;
      }
      case 'contentEnd':
        if (line !== '') throw malformed('a chunk is longer than its size');
        this.#pass('');
        this.#state = 'head';
        return;
      default:
        if (line === '') this.#state = 'end';
        if (!TRAILER_SIGNATURE.test(line)) this.#pass(line);
    }
  }

  #pass(line: string): void {
    if (this.#form === 'chunks') this.push(Buffer.concat([Buffer.from(line, 'latin1'), LINE_END]));
  }
}

function malformed(why: string): AppError {
  return new AppError('request_rejected', `The body is not in signed chunks as announced: ${why}.`);
}
