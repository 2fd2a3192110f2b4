import type { Readable } from 'node:stream';
import { AppError, normaliseHeaderName, type Plan, type RouteShape } from '../core/index.js';
import { askForSearchable } from './accept-encoding.js';
import { closesAfter } from './closes-after.js';
import { completeRequest } from './complete-request.js';
import type { Exchange } from './exchange.js';
import { findToken } from './find-token.js';
import type { OutgoingRequest } from './outgoing-request.js';
import type { PairedAttempt } from './paired-attempt.js';
import { placePath, withoutInPlace } from './place-path.js';
import { placeQuery } from './place-query.js';
import type { RequestContext } from './request-context.js';
import { holdsToken, type RequestHead, readHead } from './request-head.js';
import { ScrubbedResponse } from './scrub-response.js';
import { toAppError } from './to-app-error.js';
import { propagateTrace } from './trace-context.js';

/**
 * Makes of a request what its plan says, and sends it. `path` and `query` are as the client wrote them; `body` is the
 * request itself, or what was kept of it. Throws the `AppError` that it is to be answered with.
 */
export function sendRequest(
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  head: RequestHead,
  path: string,
  query: string,
  body: Readable | null,
): void {
  const placed = placeQuery(query, plan);
  const own = plan.stripLength === 0 ? path : path.slice(plan.stripLength);
  const rest = plan.path === undefined ? own : withoutInPlace(own, plan.path);
  if (urlHoldsToken(placed) || urlHoldsToken(rest)) {
    const detail =
      'The URL holds a client token where the route places no credential. Send it in Keyferry-Token.';
    throw new AppError('request_rejected', detail);
  }
  const { basePath } = plan;
  const joined = plan.path === undefined ? basePath + rest : placePath(basePath, plan.path, rest);
  const target = joined === '' ? '/' : joined;
  if (context.traces !== undefined) propagateTrace(context.traces, exchange, plan, head);
  const headers = outgoingHeaders(exchange, plan, head);
  if (plan.completion === undefined) {
    openBody(context, exchange, head);
    dispatch(context, exchange, plan, target, placed, headers, body);
    return;
  }
  const { method } = exchange;
  completeThenDispatch(context, exchange, plan, head, {
    method,
    path: target,
    query: placed,
    headers,
    body,
  }).catch((error: unknown) => (exchange.paired ?? exchange).failWith(toAppError(error)));
}

/** The same for a request that was to be sent before, from its head on. */
export function resendRequest(
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  shape: RouteShape,
  body: Readable | null,
): void {
  const { rawHeaders, url = '', httpVersionMinor } = exchange.request;
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark + 1);
  const head = readHead(rawHeaders, shape, httpVersionMinor === 1);
  sendRequest(context, exchange, plan, head, path, query, body);
}

/** Lets the body come, once it is known to be wanted. */
function openBody(context: RequestContext, exchange: Exchange, head: RequestHead): void {
  if (exchange.awaitsContinue) {
    exchange.response.writeContinue();
    exchange.awaitsContinue = false;
  }
  if (head.hasBody) exchange.watchBody(context.bodyIdleMs);
}

async function completeThenDispatch(
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  head: RequestHead,
  outgoing: OutgoingRequest,
): Promise<void> {
  if (plan.completion === undefined) return;
  await completeRequest(plan.completion, outgoing, exchange, head, context.now(), () => {
    openBody(context, exchange, head);
  });
  if (exchange.over) return;
  const { path, query, headers, body } = outgoing;
  dispatch(context, exchange, plan, path, query, headers, body);
}

function dispatch(
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  path: string,
  query: string,
  headers: string[],
  body: OutgoingRequest['body'],
): void {
  const { paired } = exchange;
  if (paired !== undefined) {
    if (paired.takesBack(plan)) return;
    if (paired.awaitsBody(plan, body)) {
      dispatchWithBody(paired, context, exchange, plan, path, query, headers, body);
      return;
    }
  }
  exchange.sending(plan);
  const response =
    plan.scrub === undefined
      ? exchange
      : new ScrubbedResponse(exchange, plan, plan.scrub, context.echo);
  const handler = paired?.around(plan, response) ?? response;
  try {
    context.pools.poolFor(plan.upstream).dispatch(
      {
        method: exchange.method as 'GET',
        path: query === '' ? path : `${path}?${query}`,
        headers,
        body,
        upgrade: exchange.upgrade === undefined ? null : 'websocket',
        reset: closesAfter(exchange, body !== null),
      },
      handler,
    );
  } catch (error) {
    handler.onResponseError?.(undefined as never, error as Error);
  }
}

/** Apart, because a closure makes every call of the function around it dearer. */
function dispatchWithBody(
  paired: PairedAttempt,
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  path: string,
  query: string,
  headers: string[],
  body: OutgoingRequest['body'],
): void {
  paired.whenBodyBegins(() => dispatch(context, exchange, plan, path, query, headers, body));
}

function outgoingHeaders(exchange: Exchange, plan: Plan, head: RequestHead): string[] {
  const headers = head.kept;
  const { placed } = head;
  for (let i = 0; i < placed.length; i += 2) {
    const name = placed[i] as string;
    const value = placed[i + 1] as string;
    if (isPlacedBy(plan, name) || holdsToken(value) || findToken(value) !== undefined) continue;
    headers.push(name, value);
  }
  if (plan.scrub !== undefined) askForSearchable(headers, plan.headerNames);
  headers.push('X-Request-Id', exchange.requestId);
  if (plan.upstream.http2 && exchange.request.acceptsTrailers) headers.push('TE', 'trailers');
  if (plan.forwardClientAddress) {
    const address = exchange.request.socket.remoteAddress;
    if (address !== undefined) headers.push('X-Forwarded-For', address);
  }
  // Last, after everything of that name was deleted.
  for (const text of plan.headers) headers.push(text);
  return headers;
}

/** Also when some of the token is percent-encoded. */
function urlHoldsToken(text: string): boolean {
  if (!text.includes('%')) return holdsToken(text);
  const decoded = text.replace(/%([2-7][0-9a-f])/gi, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return holdsToken(decoded);
}

function isPlacedBy(plan: Plan, name: string): boolean {
  return plan.headerNames.has(name) || plan.headerNames.has(normaliseHeaderName(name));
}
