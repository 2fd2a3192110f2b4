import {
  AppError,
  type ErrorCode,
  type Plan,
  PROBE_CLIENT,
  type ProbeAnswer,
  type RouteShape,
  type Telemetry,
  type UsageOutcome,
} from '../core/index.js';
import { checkTarget } from './check-target.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import type { DroppedResponse, ProbeRequest } from './probe-message.js';
import type { RequestContext } from './request-context.js';
import { readHead } from './request-head.js';
import { requireUsable } from './require-usable.js';
import { sendRequest } from './send-request.js';
import { toAppError } from './to-app-error.js';
import { tooLarge } from './too-large.js';

/** A body that ends soon after its head leaves the connection to other requests. */
const MAX_BODY_MS = 5000;

export interface OwnMessage {
  readonly plan: Plan;
  readonly request: ProbeRequest;
  /** By which the request's headers are sorted. */
  readonly shape: RouteShape;
  readonly response: DroppedResponse;
  /** Longest time to the head of the response, beside the timeouts of the route. */
  readonly maxMs?: number;
}

export interface OwnAnswer extends ProbeAnswer {
  readonly requestId: string;
}

/**
 * Sends one request of Keyferry's own as a client's would be sent: same connections, address guard, completion,
 * timeouts and circuit. It has no client and counts as no use of a version. Whatever befalls it is in the answer.
 */
export function sendOwn(
  context: RequestContext,
  telemetry: Telemetry,
  message: OwnMessage,
): Promise<OwnAnswer> {
  return new Promise((resolve) => new Sending(context, telemetry, resolve).send(message));
}

/** The one place that an exchange of Keyferry's own reports to. */
class Sending implements ExchangeHost {
  readonly draining = false;
  readonly #context: RequestContext;
  readonly #telemetry: Telemetry;
  readonly #resolve: (answer: OwnAnswer) => void;
  /** The upstream's; 0 before it answered. */
  #status = 0;
  #outcome: UsageOutcome = 'failed';
  #exchange: Exchange | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(context: RequestContext, telemetry: Telemetry, resolve: (answer: OwnAnswer) => void) {
    this.#context = context;
    this.#telemetry = telemetry;
    this.#resolve = resolve;
  }

  now(): number {
    return this.#context.now();
  }

  send({ plan, request, shape, response, maxMs }: OwnMessage): void {
    const exchange = new OwnExchange(this, request, response);
    this.#exchange = exchange;
    response.onEnough = () => exchange.abandon();
    exchange.begin(undefined, undefined);
    exchange.route = plan.route;
    exchange.environment = plan.environment;
    exchange.clientId = PROBE_CLIENT;
    exchange.plan = plan;
    if (maxMs !== undefined) this.#failAfter(maxMs);
    try {
      const { url } = request;
      const mark = url.indexOf('?');
      const pathEnd = mark === -1 ? url.length : mark;
      const head = readHead(request.rawHeaders, shape, true);
      const problem = checkTarget(url, pathEnd) ?? head.problem;
      if (problem !== undefined) throw new AppError('request_rejected', problem);
      requireUsable(this.#context, plan);
      if (head.contentLength > plan.maxRequestBytes) throw tooLarge(plan.maxRequestBytes);
      this.#context.admission.circuits.admit(exchange, plan);
      const [path, query] = [url.slice(0, pathEnd), url.slice(pathEnd + 1)];
      const body = head.hasBody ? request : null;
      sendRequest(this.#context, exchange, plan, head, path, query, body);
    } catch (error) {
      exchange.failWith(toAppError(error));
    }
  }

  answered(exchange: Exchange, plan: Plan, status: number): void {
    this.#status = status;
    this.#context.admission.circuits.answered(exchange, plan, status);
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => exchange.abandon(), MAX_BODY_MS);
    this.#deadline.unref();
  }

  used(_plan: Plan, _clientId: string, outcome: UsageOutcome): void {
    this.#outcome = outcome;
  }

  ended(exchange: OwnExchange): void {
    clearTimeout(this.#deadline);
    this.#context.admission.ended(exchange);
    this.#telemetry.decision(exchange);
    this.#resolve({
      status: this.#status,
      code: exchange.code,
      detail: exchange.detail,
      outcome: this.#outcome,
      injected: exchange.secrets,
      durationMs: exchange.durationMs,
      requestId: exchange.requestId,
    });
  }

  #failAfter(maxMs: number): void {
    const detail = `No answer came within ${maxMs / 1000} seconds, which is as long as is waited here. The upstream may act on it all the same.`;
    this.#deadline = setTimeout(() => this.#exchange?.fail('upstream_timeout', detail), maxMs);
    this.#deadline.unref();
  }
}

/** Keeps why it failed. */
class OwnExchange extends Exchange {
  detail: string | undefined;

  override fail(code: ErrorCode, detail: string): void {
    if (!this.over) this.detail = detail;
    super.fail(code, detail);
  }
}
