import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import {
  type AppError,
  type Decision,
  type DirectoryClient,
  type ErrorCode,
  errorTable,
  type Plan,
  type RouteShape,
  type TraceFacts,
  type TraceIds,
  type UsageOutcome,
} from '../core/index.js';
import { cutResponse } from './cut-response.js';
import { isConnectionFailing } from './guarded-connector.js';
import type { InboundRequest, InboundResponse } from './inbound-message.js';
import { joinStreams } from './join-streams.js';
import type { PairedAttempt } from './paired-attempt.js';
import { nextRequestId } from './request-id.js';
import { readReason, readResponseHead, readTrailers } from './response-head.js';
import { guardResponseLength, responseTooLarge } from './response-length.js';
import { sendProblem } from './send-problem.js';
import { tooLarge } from './too-large.js';
import { traceFactsOf } from './trace-context.js';
import type { TrafficGate } from './traffic-gate.js';
import { translateError } from './translate-error.js';

/** What an exchange reports to. One object for all of them. */
export interface ExchangeHost {
  /** Called once, when the exchange is over. */
  ended(exchange: Exchange): void;
  /**
   * Called once per request that was sent, when its outcome is known. `isObserved`: it is the upstream's doing.
   */
  used(
    plan: Plan,
    clientId: string,
    outcome: UsageOutcome,
    usedAtMs: number,
    isObserved: boolean,
  ): void;
  /** Called when the upstream began to answer. */
  answered(exchange: Exchange, plan: Plan, status: number): void;
  now(): number;
  /** True while the server shuts down: answers then close their connection. */
  readonly draining: boolean;
}

/** Each one sets the upstream's time for its head anew: one a second for a quarter of an hour. */
const MAX_INTERIMS = 1000;
const ONLY_INTERIMS = `The upstream sent more than ${MAX_INTERIMS} interim responses (1xx) and no other.`;

/**
 * One request through, and undici's handler for it: one object per request, no closures on the way. It is
 * also the decision that is logged at its end.
 */
export class Exchange implements Decision, Dispatcher.DispatchHandler {
  readonly request: InboundRequest;
  readonly response: InboundResponse;
  requestId = '';
  route: string | undefined;
  environment: string | undefined;
  client: string | undefined;
  clientId = '';
  status = 0;
  code: ErrorCode | undefined;
  upstream: string | undefined;
  secrets: readonly string[] = [];
  plan: Plan | undefined;
  /** Known when it is over. */
  durationMs = 0;
  /** Set on upgrades: the client's socket, what it sent after the head, and the response that holds the socket. */
  upgrade:
    | { readonly socket: Socket; readonly head: Buffer; readonly response: ServerResponse }
    | undefined;
  /** Set where the upstream is told about the trace. */
  traceIds: TraceIds | undefined;
  /** The client holds its body back until it is told to continue. */
  awaitsContinue = false;
  /** What counts it as under way, where that is limited. */
  clientGate: TrafficGate | undefined;
  routeGate: TrafficGate | undefined;
  /** What tells the client of the limits that it is under; undefined without any. */
  rateLimitFields: readonly string[] | undefined;
  /** Sent to find out whether the upstream can be reached again. */
  isProbe = false;
  /** Set while a cutover is under way for what its plan places. */
  paired: PairedAttempt | undefined;
  /** Sent again with another version, after the first one was refused. */
  retried = false;
  /** Monotonic. */
  readonly startedAtMs = performance.now();
  readonly #host: ExchangeHost;
  #controller: Dispatcher.DispatchController | undefined;
  #sentAtMs = 0;
  #outcomeKnown = false;
  #bodyBegan = false;
  #requestBytes = 0;
  #responseBytes = 0;
  #interims = 0;
  #watchesBody = false;
  #over = false;

  constructor(host: ExchangeHost, request: InboundRequest, response: InboundResponse) {
    this.#host = host;
    this.request = request;
    this.response = response;
    request.exchange = this;
  }

  get method(): string {
    return this.request.method ?? '';
  }

  get over(): boolean {
    return this.#over;
  }

  get sentAtMs(): number {
    return this.#sentAtMs;
  }

  get traceFacts(): TraceFacts {
    return traceFactsOf(this);
  }

  begin(requestId: string | undefined, shape: RouteShape | undefined): void {
    this.requestId = requestId ?? nextRequestId();
    this.route = shape?.name;
  }

  authenticated(client: DirectoryClient): void {
    this.client = client.name;
    this.clientId = client.id;
    this.environment = client.environment;
  }

  /** From here on the body must keep coming. */
  watchBody(idleMs: number): void {
    if (this.#watchesBody) return;
    this.#watchesBody = true;
    this.request.watchBody(idleMs);
  }

  bodyCame(piece: Buffer): void {
    this.#requestBytes += piece.length;
    const { plan } = this;
    if (plan !== undefined && this.#requestBytes > plan.maxRequestBytes) {
      this.failWith(tooLarge(plan.maxRequestBytes));
    }
    this.paired?.bodyCame(piece);
  }

  bodyEnded(): void {
    // After an early answer the timer is that of the idle connection.
    if (this.#watchesBody && !this.#over) this.request.unwatchBody();
    this.paired?.bodyEnded();
  }

  /** About to be dispatched by a plan; `sentAtMs` where it was sent by it before. */
  sending(plan: Plan, sentAtMs = 0): void {
    this.#sentAtMs = sentAtMs;
    this.plan = plan;
    this.secrets = plan.useNames;
    this.upstream = plan.upstream.host;
  }

  /** Answers with an error of Keyferry's own; once a response has begun it is cut instead. */
  fail(code: ErrorCode, detail: string, retryAfterSeconds?: number): void {
    if (this.#over) return;
    this.code = code;
    const { response } = this;
    if (response.headersSent) {
      this.#cut();
      return;
    }
    this.status = errorTable[code].status;
    const close =
      this.#host.draining ||
      this.upgrade !== undefined ||
      // What follows would be either the body or the next request (RFC 9110 section 10.1.1).
      this.awaitsContinue ||
      code === 'request_timeout' ||
      code === 'request_rejected';
    const fields = this.rateLimitFields;
    sendProblem(response, code, detail, this.requestId, { retryAfterSeconds, close, fields });
    this.#end();
    this.#controller?.abort(GIVEN_UP);
  }

  failWith(error: AppError): void {
    this.fail(error.code, error.message, error.retryAfterSeconds);
  }

  /** The upstream answered so; to be told where the answer itself is not passed on. */
  answered(status: number): void {
    if (this.#outcomeKnown) return;
    if (this.plan !== undefined) this.#host.answered(this, this.plan, status);
    this.#know(this.#outcomeOf(status));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) {
      controller.abort(GIVEN_UP);
      return;
    }
    this.#sentAtMs = this.#host.now();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    if (this.#over) return;
    if (status < 200) {
      this.#interimCame();
      return;
    }
    if (this.plan !== undefined) this.#host.answered(this, this.plan, status);
    const head = readResponseHead((controller.rawHeaders ?? []) as Uint8Array[]);
    const { headers } = head;
    const maxBytes = this.plan?.maxResponseBytes;
    if (maxBytes !== undefined && this.method !== 'HEAD' && status !== 304) {
      guardResponseLength(headers, maxBytes);
    }
    if (this.rateLimitFields !== undefined) headers.push(...this.rateLimitFields);
    if (!head.hasRequestId) headers.push('X-Request-Id', this.requestId);
    if (this.#host.draining || this.upgrade !== undefined) headers.push('Connection', 'close');
    this.status = status;
    this.#know(this.#outcomeOf(status));
    const { response } = this;
    // A response without Date passes without one: adding it is for the origin (RFC 9110 section 6.6.1).
    if (!head.hasDate) response.sendDate = false;
    response.writeHead(status, readReason(message), headers);
    if (status === 204 || status === 304 || this.method === 'HEAD') {
      // undici reports a legal 304 with Content-Length as an error after this; the answer is complete here.
      response.end();
      this.#end();
      return;
    }
    // A stream may be silent for minutes, and its head must not wait; a short body brings its head along.
    if (!head.isShort) process.nextTick(flushHead, this);
  }

  /** An interim response (RFC 9110 section 15.2) is for this hop: the final one follows, or must be given up. */
  #interimCame(): void {
    this.#interims++;
    if (this.#interims > MAX_INTERIMS) this.fail('upstream_protocol_error', ONLY_INTERIMS);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#responseBytes += chunk.length;
    const maxBytes = this.plan?.maxResponseBytes;
    if (maxBytes !== undefined && this.#responseBytes > maxBytes) {
      this.failWith(responseTooLarge(maxBytes));
      return;
    }
    this.#bodyBegan = true;
    if (this.response.write(chunk)) return;
    controller.pause();
    this.response.once('drain', () => controller.resume());
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    if (isConnectionFailing()) {
      this.failWith(translateError(Object.assign(new Error('reset'), { code: 'ECONNRESET' })));
      return;
    }
    const raw = (controller.rawTrailers ?? []) as Uint8Array[];
    if (raw.length > 0) this.response.addTrailers(readTrailers(raw));
    this.#bodyBegan = true;
    this.response.end();
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    if (this.#sentAtMs !== 0) this.#know('failed');
    this.failWith(translateError(error, this.#sentAtMs !== 0));
  }

  /** The upstream switched protocols: from here on bytes pass both ways. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    upstream: Duplex,
  ): void {
    const { upgrade } = this;
    if (this.#over || upgrade === undefined) {
      upstream.destroy();
      return;
    }
    if (this.plan !== undefined) this.#host.answered(this, this.plan, status);
    this.status = status;
    this.#know('accepted');
    const { headers } = readResponseHead((controller.rawHeaders ?? []) as Uint8Array[]);
    headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
    let head = 'HTTP/1.1 101 Switching Protocols\r\n';
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    const { socket } = upgrade;
    upgrade.response.detachSocket(socket);
    socket.removeAllListeners('readable');
    socket.write(`${head}\r\n`, 'latin1');
    if (upgrade.head.length > 0) upstream.write(upgrade.head);
    // The end of the client's socket is the end of the exchange.
    joinStreams(socket, upstream as Socket);
  }

  /** The client left, or its connection broke. */
  abandon(): void {
    if (this.#over) return;
    this.#end();
    this.#controller?.abort(GIVEN_UP);
    this.upgrade?.socket.destroy();
  }

  /** A response cannot be completed: it is cut, never ended as if all were well. */
  #cut(): void {
    this.#end();
    this.#controller?.abort(GIVEN_UP);
    cutResponse(this.response);
  }

  #know(outcome: UsageOutcome, isObserved = true): void {
    const { plan } = this;
    if (this.#outcomeKnown || plan === undefined) return;
    this.#outcomeKnown = true;
    this.#host.used(plan, this.clientId, outcome, this.#sentAtMs, isObserved);
    this.paired?.outcomeKnown(plan, outcome, isObserved);
  }

  #outcomeOf(status: number): UsageOutcome {
    if (status < 400) return 'accepted';
    if (this.plan?.refusedStatuses.has(status) === true) return 'refused';
    return status >= 500 ? 'failed' : 'accepted';
  }

  #end(): void {
    // The client left, or Keyferry ended it: the credential was sent all the same.
    if (this.#sentAtMs !== 0) this.#know('failed', false);
    this.#over = true;
    this.paired?.ended();
    if (!this.request.complete && this.upgrade === undefined) this.request.dropRest();
    this.durationMs = performance.now() - this.startedAtMs;
    this.#host.ended(this);
  }

  /** Sends the head when no body follows at once: an event stream may be silent for minutes. */
  flush(): void {
    if (!this.#bodyBegan && !this.#over) this.response.flushHeaders();
  }
}

const GIVEN_UP = new Error('nobody waits for this response');

function flushHead(exchange: Exchange): void {
  exchange.flush();
}
