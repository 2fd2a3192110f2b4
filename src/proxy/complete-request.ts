import type { Completion } from '../core/index.js';
import type { Exchange } from './exchange.js';
import { type GatherLimit, gatherBody, tooLargeToGather } from './gather-body.js';
import { headerValues, type OutgoingRequest } from './outgoing-request.js';
import { placeBody } from './place-body.js';
import type { RequestHead } from './request-head.js';
import { signAws } from './sign-aws.js';
import { signHmac } from './sign-hmac.js';
import { toAppError } from './to-app-error.js';

/**
 * Does what only the request itself decides: sets fields in its body, then signs it. `open` lets the body come
 * and is called once, before it is read or left to stream. Throws `request_rejected` and `request_too_large`;
 * nothing was sent then.
 */
export async function completeRequest(
  { body, hmac, aws }: Completion,
  outgoing: OutgoingRequest,
  exchange: Exchange,
  head: RequestHead,
  nowMs: number,
  openBody: () => void,
): Promise<void> {
  let opened = false;
  const open = (): void => {
    if (!opened) openBody();
    opened = true;
  };
  const gather = async (option: GatherLimit['option'], maxBytes: number): Promise<Buffer> => {
    if (outgoing.body === null) return Buffer.alloc(0);
    if (Buffer.isBuffer(outgoing.body)) return outgoing.body;
    if (head.contentLength > maxBytes) throw tooLargeToGather({ option, maxBytes });
    open();
    return gatherBody(exchange, outgoing.body, { option, maxBytes });
  };
  if (body !== undefined) await placeBody(body, outgoing, exchange, head.contentLength, open);
  if (hmac !== undefined) {
    if (hmac.readsBody && outgoing.body !== null) {
      outgoing.body = await gather('sign.hmac.maxBodyBytes', hmac.maxBodyBytes);
    }
    signHmac(hmac, outgoing, nowMs);
  }
  if (aws !== undefined) {
    // Placed by the signature, so no longer among the headers.
    const clientHash = headerValues(head.placed, 'x-amz-content-sha256')[0];
    await signAws(
      aws,
      outgoing,
      clientHash,
      () => gather('sign.aws.maxBodyBytes', aws.maxBodyBytes),
      nowMs,
      (error) => exchange.failWith(toAppError(error)),
    );
  }
  open();
}
