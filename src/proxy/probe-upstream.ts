import {
  AppError,
  type ErrorCode,
  type Plan,
  PROBE_CLIENT,
  type ProbeAnswer,
  type Telemetry,
  type UsageOutcome,
} from '../core/index.js';
import { checkTarget } from './check-target.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import { DroppedResponse, ProbeRequest } from './probe-message.js';
import type { RequestContext } from './request-context.js';
import { readHead } from './request-head.js';
import { requireUsable } from './require-usable.js';
import { sendRequest } from './send-request.js';
import { toAppError } from './to-app-error.js';

/** The answer is known from its head; a body that ends soon leaves the connection to other requests. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_BODY_MS = 5000;

interface ProbedTarget {
  readonly method: string;
  /** As the upstream is to see it after its base path; may have a query. */
  readonly path: string;
}

/**
 * Sends one request of Keyferry's own as a client's would be sent: same connections, address guard, completion,
 * timeouts and circuit. It has no client, counts as no use of a version, and nothing is kept of its response but the
 * status. Whatever befalls it is in the answer.
 */
export function probeUpstream(
  context: RequestContext,
  telemetry: Telemetry,
  plan: Plan,
  target: ProbedTarget,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => new Probe(context, telemetry, resolve).send(plan, target));
}

/** The one place that an exchange of a probe reports to. */
class Probe implements ExchangeHost {
  readonly draining = false;
  readonly #context: RequestContext;
  readonly #telemetry: Telemetry;
  readonly #resolve: (answer: ProbeAnswer) => void;
  /** The upstream's; 0 before it answered. */
  #status = 0;
  #outcome: UsageOutcome = 'failed';
  #bodyDeadline: NodeJS.Timeout | undefined;

  constructor(
    context: RequestContext,
    telemetry: Telemetry,
    resolve: (answer: ProbeAnswer) => void,
  ) {
    this.#context = context;
    this.#telemetry = telemetry;
    this.#resolve = resolve;
  }

  now(): number {
    return this.#context.now();
  }

  send(plan: Plan, { method, path: target }: ProbedTarget): void {
    const request = new ProbeRequest(plan, method, target);
    const response = new DroppedResponse(MAX_BODY_BYTES, () => exchange.abandon());
    const exchange = new ProbeExchange(this, request, response);
    exchange.begin(undefined, undefined);
    exchange.route = plan.route;
    exchange.environment = plan.environment;
    exchange.clientId = PROBE_CLIENT;
    exchange.plan = plan;
    try {
      const mark = target.indexOf('?');
      const pathEnd = mark === -1 ? target.length : mark;
      const problem = checkTarget(target, pathEnd);
      if (problem !== undefined) throw new AppError('request_rejected', problem);
      requireUsable(this.#context, plan);
      this.#context.admission.circuits.admit(exchange, plan);
      const head = readHead(request.rawHeaders, this.#context.noRoute, true);
      const [path, query] = [target.slice(0, pathEnd), target.slice(pathEnd + 1)];
      // The path has no prefix to strip.
      const whole = plan.stripLength === 0 ? plan : { ...plan, stripLength: 0 };
      const body = head.hasBody ? request : null;
      sendRequest(this.#context, exchange, whole, head, path, query, body);
    } catch (error) {
      exchange.failWith(toAppError(error));
    }
  }

  answered(exchange: Exchange, plan: Plan, status: number): void {
    this.#status = status;
    this.#context.admission.circuits.answered(exchange, plan, status);
    this.#bodyDeadline = setTimeout(() => exchange.abandon(), MAX_BODY_MS);
    this.#bodyDeadline.unref();
  }

  used(_plan: Plan, _clientId: string, outcome: UsageOutcome): void {
    this.#outcome = outcome;
  }

  ended(exchange: ProbeExchange): void {
    clearTimeout(this.#bodyDeadline);
    this.#context.admission.ended(exchange);
    this.#telemetry.decision(exchange);
    this.#resolve({
      status: this.#status,
      code: exchange.code,
      detail: exchange.detail,
      outcome: this.#outcome,
      injected: exchange.secrets,
      durationMs: exchange.durationMs,
    });
  }
}

/** Keeps why it failed. */
class ProbeExchange extends Exchange {
  detail: string | undefined;

  override fail(code: ErrorCode, detail: string): void {
    if (!this.over) this.detail = detail;
    super.fail(code, detail);
  }
}
