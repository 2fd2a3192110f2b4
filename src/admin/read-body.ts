import { AppError } from '../core/index.js';
import type { AdminContext } from './admin-environment.js';

/** Bodies of everything but routes documents. A value is at most 64 KiB, escaped at worst sixfold. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Routes documents: 10,000 routes are a few megabytes. */
export const MAX_ROUTES_BODY_BYTES = 10 * 1024 * 1024;

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i;

export interface ReadBody {
  readonly bytes: Uint8Array;
  /** Undefined where no body was sent. */
  readonly json: unknown;
}

/**
 * Reads a JSON body. Throws `request_too_large`, and `invalid_request` for another content type, bytes that
 * are not UTF-8, or malformed JSON. What was sent is never repeated.
 */
export async function readBody(context: AdminContext, limitBytes: number): Promise<ReadBody> {
  const bytes = await readBytes(context, limitBytes);
  if (bytes.byteLength === 0) return { bytes, json: undefined };
  const type = context.req.header('content-type') ?? '';
  if (!JSON_TYPE.test(type)) {
    throw new AppError(
      'invalid_request',
      'The body must be JSON: send "Content-Type: application/json".',
    );
  }
  return { bytes, json: parse(bytes) };
}

async function readBytes(context: AdminContext, limitBytes: number): Promise<Uint8Array> {
  const declared = Number(context.req.header('content-length') ?? 0);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  const body = context.req.raw.body;
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      total += chunk.byteLength;
      if (total > limitBytes) throw tooLarge(limitBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('invalid_request', 'The body was cut off.', { cause });
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not valid UTF-8.', { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      'The body is not valid JSON: check quotes, commas and brackets.',
      { cause },
    );
  }
}

function tooLarge(limitBytes: number): AppError {
  return new AppError(
    'request_too_large',
    `The body is larger than the ${limitBytes / 1024 / 1024} MiB that this call takes.`,
  );
}
