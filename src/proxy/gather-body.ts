import type { Readable } from 'node:stream';
import { AppError } from '../core/index.js';
import type { Exchange } from './exchange.js';

/** The option that limits how much is gathered, and its value. */
export interface GatherLimit {
  readonly option: 'body.maxBytes' | 'sign.hmac.maxBodyBytes' | 'sign.aws.maxBodyBytes';
  readonly maxBytes: number;
}

/** What a body is answered with that is too long to be held in memory. */
export function tooLargeToGather({ option, maxBytes }: GatherLimit): AppError {
  const detail = `The body is longer than this route can change or sign: ${maxBytes} bytes (its option "${option}"). Nothing was sent.`;
  return new AppError('request_too_large', detail);
}

/**
 * Reads the body of a request to its end. `onPiece` sees each piece as it comes, and what it throws rejects. Throws
 * `request_too_large` past the limit. Never settles once the exchange is over: nobody waits for it then.
 */
export function gatherBody(
  exchange: Exchange,
  body: Readable,
  limit: GatherLimit,
  onPiece?: (piece: Buffer) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let failed = false;
    body.on('data', (piece: Buffer) => {
      if (failed || exchange.over) return;
      bytes += piece.length;
      try {
        if (bytes > limit.maxBytes) throw tooLargeToGather(limit);
        onPiece?.(piece);
        pieces.push(piece);
      } catch (error) {
        failed = true;
        pieces.length = 0;
        reject(error);
      }
    });
    body.on('end', () => {
      if (failed || exchange.over) return;
      const whole = Buffer.concat(pieces);
      exchange.paired?.bodyGathered(whole);
      resolve(whole);
    });
  });
}
