import { ServerResponse } from 'node:http';
import { type ErrorCode, errorTable, problemDocument } from '../core/index.js';
import { Http2Response } from './http2-response.js';
import type { InboundResponse } from './inbound-message.js';

/** Without it git asks nobody for a password and sends nothing (RFC 9110 section 11.6.1). */
const CHALLENGE = 'Basic realm="keyferry"';

/**
 * The whole answer of Keyferry itself: status, headers as name, value, …, and body. `retryAfterSeconds`
 * where waiting helps. The body repeats its code and detail as `error` (an extension member, RFC 9457
 * section 3.2), because that is where SDKs look: Stripe's takes a body without it for a success, whatever
 * the status.
 */
export function problemAnswer(
  code: ErrorCode,
  detail: string,
  requestId: string,
  retryAfterSeconds?: number,
): { readonly status: number; readonly headers: string[]; readonly body: string } {
  const body = JSON.stringify({
    ...problemDocument(code, detail, requestId),
    error: { type: 'keyferry_error', code, message: detail },
  });
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'Keyferry-Error',
    code,
    'X-Request-Id',
    requestId,
  ];
  if (code === 'client_unauthenticated') headers.push('WWW-Authenticate', CHALLENGE);
  if (code === 'method_not_allowed') {
    headers.push('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  }
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  return { status: errorTable[code].status, headers, body };
}

/** Answers a request with a problem document. The head must not have been sent. */
export function sendProblem(
  response: InboundResponse,
  code: ErrorCode,
  detail: string,
  requestId: string,
  options: {
    retryAfterSeconds?: number | undefined;
    close?: boolean;
    /** More headers: name, value, … */
    fields?: readonly string[] | undefined;
  } = {},
): void {
  const answer = problemAnswer(code, detail, requestId, options.retryAfterSeconds);
  if (options.fields !== undefined) answer.headers.push(...options.fields);
  if (response instanceof Http2Response && response.endGrpc(code, detail, answer.headers)) return;
  if (options.close === true) answer.headers.push('Connection', 'close');
  // The head of a response that could not be written leaves its reason behind.
  if (response instanceof ServerResponse) response.statusMessage = '';
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}
