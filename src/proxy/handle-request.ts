import { AppError } from '../core/index.js';
import { type Authentication, authenticate } from './authenticate.js';
import { checkTarget } from './check-target.js';
import { chooseVersion } from './choose-version.js';
import type { Exchange } from './exchange.js';
import { PairedAttempt } from './paired-attempt.js';
import type { RequestContext } from './request-context.js';
import { hostOf, readHead } from './request-head.js';
import { hasExpired, requireUsable } from './require-usable.js';
import { sendRequest } from './send-request.js';
import { tooLarge } from './too-large.js';

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
  const current = snapshot.plans[matched.index]?.get(client.environment);
  if (current === undefined) {
    const detail = `The route "${matched.name}" does not exist in environment "${client.environment}".`;
    throw new AppError('route_not_found', detail);
  }
  const { trials } = current;
  let plan =
    trials === undefined ? current : chooseVersion(current, trials, client.id, Math.random());
  // Nobody's request fails because a version is only being tried.
  if (plan !== current && hasExpired(context, plan)) plan = current;
  exchange.plan = plan;
  requireUsable(context, plan);
  if (head.contentLength > plan.maxRequestBytes) {
    throw tooLarge(plan.maxRequestBytes);
  }
  context.admission.admit(exchange, client, plan);
  if (trials !== undefined) {
    exchange.paired = new PairedAttempt(context, exchange, snapshot, plan, head);
  }
  const body = head.hasBody ? request : null;
  sendRequest(context, exchange, plan, head, path, query, body);
}

function clientRefusal(
  context: RequestContext,
  address: string | undefined,
  authentication: Authentication,
): AppError {
  const { guessed, tokenId } =
    authentication.client === undefined ? authentication : { guessed: true, tokenId: undefined };
  const clientId = authentication.client?.id;
  if (guessed) context.clientRefused({ clientId, tokenId });
  const waitSeconds = guessed ? context.failures.fail(address ?? '', tokenId) : undefined;
  if (waitSeconds !== undefined) {
    const detail = 'Too many requests without a valid client token came from here.';
    return new AppError('rate_limited', detail, { retryAfterSeconds: waitSeconds });
  }
  return new AppError(
    'client_unauthenticated',
    'No valid client token. Send it in Keyferry-Token, as Proxy-Authorization: Bearer, or in place of ' +
      'the credential that the route injects. Check the path too: where it matches no route, that last place is unknown.',
  );
}
