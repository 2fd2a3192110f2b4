import type { CustomFetch } from 'openid-client';
import type { Outbound } from '../core/index.js';

/** For one request, from the connection to the end of the answer. */
const TIMEOUT_MS = 5000;
/** Keys and metadata of the largest providers are a tenth of it. */
const MAX_RESPONSE_BYTES = 256 * 1024;

/**
 * The requests of openid-client, sent as all of Keyferry's own are. Addresses in private networks are allowed: the
 * issuer is named by who starts the server, and often is in one. In the clear they go to loopback alone.
 */
export function providerFetch(outbound: Outbound, ca: string | undefined): CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const answer = await outbound.send({
      method,
      url,
      headers,
      // Forms are all that it sends.
      body: body instanceof URLSearchParams ? body.toString() : undefined,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      allowPrivateNetwork: true,
      ca,
      signal,
    });
    const type = answer.headers['content-type'];
    const isUsable = answer.status >= 200 && answer.status <= 599;
    const hasBody = isUsable && ![204, 205, 304].includes(answer.status);
    return new Response(hasBody ? new Uint8Array(answer.body) : null, {
      status: isUsable ? answer.status : 502,
      headers: type === undefined ? {} : { 'content-type': type },
    });
  };
}
