import type { Plan, TraceFacts, Traces } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { RequestHead } from './request-head.js';

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';

/** What the spans of an exchange need: asked for at its end, and only where traces are on. */
export function traceFactsOf(exchange: Exchange): TraceFacts {
  const { plan, sentAtMs, traceIds, request } = exchange;
  return {
    pathPrefix: plan?.pathPrefix,
    sentAtMs,
    // Nobody without a valid token chooses ids.
    traceparent:
      plan === undefined || plan.trace === 'own'
        ? undefined
        : onlyValue(request.rawHeaders, TRACEPARENT),
    ids: traceIds,
  };
}

/**
 * Where the route says so, tells the upstream about the trace: `traceparent` names Keyferry's span in place of the
 * client's. A `tracestate` without the trace that it belongs to is left out (W3C Trace Context section 3.3).
 */
export function propagateTrace(
  traces: Traces,
  exchange: Exchange,
  plan: Plan,
  head: RequestHead,
): void {
  if (plan.trace !== 'propagate' || plan.headerNames.has(TRACEPARENT)) return;
  // Both attempts of one request are in one span.
  const ids =
    exchange.traceIds ?? traces.place(onlyValue(exchange.request.rawHeaders, TRACEPARENT));
  exchange.traceIds = ids;
  removeHeader(head.kept, TRACEPARENT);
  if (ids.parentSpanId === undefined) removeHeader(head.kept, TRACESTATE);
  head.kept.push(TRACEPARENT, traces.traceparentOf(ids));
}

/** Of a header that is sent once. */
function onlyValue(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found;
}

function removeHeader(headers: string[], name: string): void {
  let end = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) continue;
    headers[end++] = headers[i] as string;
    headers[end++] = headers[i + 1] as string;
  }
  headers.length = end;
}
