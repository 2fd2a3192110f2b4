import {
  AppError,
  type EchoFinding,
  normaliseHeaderName,
  type Plan,
  type RouteShape,
  type Snapshot,
  type Traces,
} from '../core/index.js';
import { askForSearchable } from './accept-encoding.js';
import type { Admission } from './admit-request.js';
import { type Authentication, authenticate } from './authenticate.js';
import { checkTarget } from './check-target.js';
import { closesAfter } from './closes-after.js';
import { completeRequest } from './complete-request.js';
import type { Exchange } from './exchange.js';
import { findToken } from './find-token.js';
import type { FailureLimit } from './limit-failures.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { placePath, withoutInPlace } from './place-path.js';
import { placeQuery } from './place-query.js';
import { holdsToken, type RequestHead, readHead } from './request-head.js';
import { ScrubbedResponse } from './scrub-response.js';
import { toAppError } from './to-app-error.js';
import { tooLarge } from './too-large.js';
import { propagateTrace } from './trace-context.js';
import type { UpstreamPools } from './upstream-pools.js';

/** What handling a request needs besides the request. */
export interface RequestContext {
  snapshot(): Snapshot;
  readonly pools: UpstreamPools;
  readonly failures: FailureLimit;
  readonly admission: Admission;
  readonly noRoute: RouteShape;
  readonly maxHeaders: number;
  /** Longest silence within a request body. */
  readonly bodyIdleMs: number;
  /** Whether an expired version makes the request fail. */
  readonly strictExpiry: boolean;
  /** Undefined while traces are off. */
  readonly traces: Traces | undefined;
  now(): number;
  /** Told what a search of a response found. */
  echo(finding: EchoFinding): void;
}

/**
 * Takes one request from its head to the upstream; the exchange does the rest. Throws the `AppError` that it is
 * to be answered with.
 */
export function handleRequest(context: RequestContext, exchange: Exchange): void {
  const { request } = exchange;
  const target = request.url ?? '';
  const method = request.method ?? '';
  const raw = request.rawHeaders;
  const mark = target.indexOf('?');
  const pathEnd = mark === -1 ? target.length : mark;
  const targetProblem = checkTarget(target, pathEnd);
  const snapshot = context.snapshot();
  const path = target.slice(0, pathEnd);
  const host = snapshot.table.readsHost ? hostOf(raw) : undefined;
  const matched =
    targetProblem === undefined ? snapshot.table.match(method, host, path) : undefined;
  const shape = matched ?? context.noRoute;
  const head = readHead(raw, shape, request.httpVersionMinor === 1);
  exchange.begin(head.requestId, matched);
  exchange.awaitsContinue = head.expectsContinue;

  if (method === 'TRACE' || method === 'CONNECT') {
    throw new AppError('method_not_allowed', `${method} is not taken.`);
  }
  if (raw.length > context.maxHeaders * 2) {
    const detail = `The request has more than ${context.maxHeaders} headers.`;
    throw new AppError('headers_too_large', detail);
  }
  if (request.problem !== undefined) throw request.problem;
  const problem = targetProblem ?? head.problem;
  if (problem !== undefined) throw new AppError('request_rejected', problem);

  const query = target.slice(pathEnd + 1);
  const authentication = authenticate(snapshot.clients, head, shape, path, query);
  const { client } = authentication;
  if (
    client === undefined ||
    (client.expiresAtMs !== Number.POSITIVE_INFINITY && client.expiresAtMs <= context.now()) ||
    client.allowsAddress?.(request.socket.remoteAddress) === false
  ) {
    throw clientRefusal(context, request.socket.remoteAddress, authentication);
  }
  exchange.authenticated(client);
  if (matched === undefined) {
    throw new AppError('route_not_found', 'No route matches this request.');
  }
  if (client.routes !== undefined && !client.routes.has(matched.name)) {
    const detail = `The client "${client.name}" may not use the route "${matched.name}".`;
    throw new AppError('route_forbidden', detail);
  }
  const plan = snapshot.plans[matched.index]?.get(client.environment);
  if (plan === undefined) {
    const detail = `The route "${matched.name}" does not exist in environment "${client.environment}".`;
    throw new AppError('route_not_found', detail);
  }
  exchange.plan = plan;
  if (plan.failure !== undefined) throw new AppError(plan.failure.code, plan.failure.detail);
  if (context.strictExpiry && plan.expiresAtMs <= context.now()) {
    const detail = `A version in use by the route "${plan.route}" in environment "${plan.environment}" has expired.`;
    throw new AppError('secret_expired', detail);
  }
  if (head.contentLength > plan.maxRequestBytes) {
    throw tooLarge(plan.maxRequestBytes);
  }
  context.admission.admit(exchange, client, plan);
  send(context, exchange, plan, head, path, query);
}

function send(
  context: RequestContext,
  exchange: Exchange,
  plan: Plan,
  head: RequestHead,
  path: string,
  query: string,
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
  const body = head.hasBody ? exchange.request : null;
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
  }).catch((error: unknown) => exchange.failWith(toAppError(error)));
}

/** Lets the body come, once it is known to be wanted. */
function openBody(context: RequestContext, exchange: Exchange, head: RequestHead): void {
  if (head.expectsContinue) {
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
  exchange.sending(plan);
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
      plan.scrub === undefined
        ? exchange
        : new ScrubbedResponse(exchange, plan, plan.scrub, context.echo),
    );
  } catch (error) {
    exchange.onResponseError(undefined as never, error as Error);
  }
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

function clientRefusal(
  context: RequestContext,
  address: string | undefined,
  authentication: Authentication,
): AppError {
  const { guessed, tokenId } =
    authentication.client === undefined ? authentication : { guessed: true, tokenId: undefined };
  const waitSeconds = guessed ? context.failures.fail(address ?? '', tokenId) : undefined;
  if (waitSeconds !== undefined) {
    const detail = 'Too many requests without a valid client token came from here.';
    return new AppError('rate_limited', detail, { retryAfterSeconds: waitSeconds });
  }
  return new AppError(
    'client_unauthenticated',
    'No valid client token. Send it in Keyferry-Token, as Proxy-Authorization: Bearer, or in place of ' +
      'the credential that the route injects.',
  );
}

function hostOf(raw: readonly string[]): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') return raw[i + 1];
  }
  return undefined;
}
