import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { HmacSigning, SigningPart, TimestampFormat } from '../core/index.js';
import { headerValues, type OutgoingRequest } from './outgoing-request.js';

const NONCE_BYTES = 16;

/** Signs a request with a keyed hash. Its body must have been gathered where the signed text holds it. */
export function signHmac(signing: HmacSigning, outgoing: OutgoingRequest, nowMs: number): void {
  const { headers } = outgoing;
  const { timestampHeader, nonceHeader } = signing;
  const timestamp = formatTimestamp(nowMs, signing.timestampFormat);
  const nonce = randomBytes(NONCE_BYTES).toString('hex');
  if (timestampHeader !== undefined) headers.push(timestampHeader, timestamp);
  if (nonceHeader !== undefined) headers.push(nonceHeader, nonce);
  const filled = (part: SigningPart): string | Buffer =>
    fill(part, signing, outgoing, timestamp, nonce);
  const mac = createHmac(signing.algorithm, signing.key);
  for (const part of signing.canonical) {
    const piece = filled(part);
    if (typeof piece === 'string') mac.update(piece, 'latin1');
    else mac.update(piece);
  }
  const prefix = signing.prefix.map((part) => filled(part).toString('latin1')).join('');
  headers.push(signing.header, prefix + mac.digest(signing.encoding));
}

/** A piece of the text: a string has one character per byte, as headers and targets have. */
function fill(
  part: SigningPart,
  { bodyHash }: HmacSigning,
  { method, path, query, headers, body }: OutgoingRequest,
  timestamp: string,
  nonce: string,
): string | Buffer {
  if (typeof part === 'string') return part;
  if ('header' in part) return headerValues(headers, part.header).join(', ');
  switch (part.request) {
    case 'method':
      return method;
    case 'path':
      return path;
    case 'query':
      return query;
    case 'target':
      return query === '' ? path : `${path}?${query}`;
    case 'host':
      return headerValues(headers, 'host').join(', ');
    case 'timestamp':
      return timestamp;
    case 'nonce':
      return nonce;
    case 'body':
      return bytesOf(body);
    case 'bodyHash':
      return createHash(bodyHash.algorithm).update(bytesOf(body)).digest(bodyHash.encoding);
  }
}

function bytesOf(body: OutgoingRequest['body']): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function formatTimestamp(nowMs: number, format: TimestampFormat): string {
  switch (format) {
    case 'seconds':
      return String(Math.floor(nowMs / 1000));
    case 'milliseconds':
      return String(Math.floor(nowMs));
    case 'iso8601':
      return new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
    case 'http':
      return new Date(nowMs).toUTCString();
  }
}
