import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import {
  AppError,
  type Plan,
  type RouteShape,
  type Snapshot,
  type UsageOutcome,
} from '../core/index.js';
import { isLive, otherVersion } from './choose-version.js';
import type { Exchange } from './exchange.js';
import { HeldRefusal } from './held-refusal.js';
import { KeptBody } from './kept-body.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { planNow } from './plan-now.js';
import type { RequestContext } from './request-context.js';
import { type RequestHead, readHead } from './request-head.js';
import { hasExpired, requireUsable } from './require-usable.js';
import { SecondAttempt, TAKEN_BACK } from './second-attempt.js';
import { sendRequest } from './send-request.js';
import { toAppError } from './to-app-error.js';
import { isConnectionFailing } from './upstream-pools.js';

type Controller = Dispatcher.DispatchController;
type Handler = Dispatcher.DispatchHandler;

/** How long a refusal is held while neither it nor the body of its request goes on. */
const PATIENCE_MS = 2000;

/**
 * One request while a cutover is under way for what its plan places. Stands between undici and the handler of the
 * response, for two things:
 *
 * A version that is not live in the newest snapshot is not sent, also not by a request that began before.
 *
 * A request that the upstream refuses is sent once more with the other version, if its body was kept. The refusal is
 * held until it is whole, and so is the body; where nothing comes in its place it is passed on.
 */
export class PairedAttempt implements Handler {
  readonly #context: RequestContext;
  readonly #exchange: Exchange;
  readonly #body: KeptBody;
  readonly #mayRetry: boolean;
  /** What the first attempt is sent by. */
  #plan: Plan;
  /** The newest in which the version at hand was seen to be live. */
  #snapshot: Snapshot;
  #response: Handler | undefined;
  /** Not sent after all: to be sent by the plan of now. */
  #isTakenBack = false;
  /** The first attempt is over, and its refusal held. */
  #isRefused = false;
  #refusal: HeldRefusal | undefined;
  #patience: NodeJS.Timeout | undefined;
  /** When the first attempt was sent, while the second one is under way. */
  #refusedSentAtMs: number | undefined;

  constructor(
    context: RequestContext,
    exchange: Exchange,
    snapshot: Snapshot,
    plan: Plan,
    { hasBody, contentLength }: RequestHead,
  ) {
    const { keptBodyBytes = -1 } = plan;
    this.#context = context;
    this.#exchange = exchange;
    this.#snapshot = snapshot;
    this.#plan = plan;
    this.#mayRetry =
      keptBodyBytes >= 0 && contentLength <= keptBodyBytes && exchange.upgrade === undefined;
    const maxBytes = this.#mayRetry ? keptBodyBytes : 0;
    this.#body = new KeptBody(exchange.request, hasBody, maxBytes, context.retryMemory);
  }

  /** True while the body must not be read to its end by whoever was to send it. */
  get keepsBody(): boolean {
    return this.#isTakenBack;
  }

  bodyCame(piece: Buffer): void {
    this.#patience?.refresh();
    this.#body.came(piece);
    if (!this.#body.isKept) this.#passOnRefusal();
  }

  bodyEnded(): void {
    this.#body.ended();
    this.#tryOther();
  }

  bodyGathered(whole: Buffer): void {
    this.#body.gathered(whole);
  }

  /** Whether this is to be sent otherwise, because its version was taken back; that is seen to then. */
  takesBack(plan: Plan): boolean {
    if (this.isLive(plan)) return false;
    if (this.#refusal === undefined) {
      this.#isTakenBack = true;
      setImmediate(startAnew, this);
    } else this.secondNotSent();
    return true;
  }

  /**
   * Whether a sending must wait for the first piece of the body. Over HTTP/1.1 undici writes the head along with
   * it, however long that takes, and asks nobody again.
   */
  awaitsBody({ upstream }: Plan, body: OutgoingRequest['body']): boolean {
    return !upstream.http2 && !this.#body.hasBegun && body instanceof Readable;
  }

  whenBodyBegins(next: () => void): void {
    this.#body.whenBegun(next);
  }

  /** Whether the versions of a plan may still be sent. */
  isLive(plan: Plan): boolean {
    const newest = this.#context.snapshot();
    if (newest === this.#snapshot) return true;
    const now = planNow(newest, this.#exchange)?.plan;
    if (now === undefined || !isLive(now, plan)) return false;
    this.#snapshot = newest;
    return true;
  }

  /** The handler for the next attempt: what it gets goes to `response`, if it is to be passed on. */
  around(plan: Plan, response: Handler): Handler {
    if (this.#refusal !== undefined) {
      return new SecondAttempt(this, this.#exchange, plan, response);
    }
    this.#response = response;
    return this;
  }

  /** An attempt could not be made ready. */
  failWith(error: AppError): void {
    if (this.#refusal === undefined) this.#exchange.failWith(error);
    else this.secondNotSent();
  }

  onRequestStart(controller: Controller, context: unknown): void {
    if (this.isLive(this.#plan)) {
      this.#response?.onRequestStart?.(controller, context);
      return;
    }
    this.#isTakenBack = true;
    controller.abort(TAKEN_BACK);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    const mayHold = this.#mayRetry && this.#body.isKept && !this.#exchange.over;
    if (mayHold && this.#plan.refusedStatuses.has(status)) {
      this.#refusal = new HeldRefusal(controller, status, message, this.#context.retryMemory);
      this.#patience = setTimeout(endPatience, PATIENCE_MS, this);
      return;
    }
    if (status >= 200) this.#body.release();
    this.#response?.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    if (this.#refusal !== undefined) {
      this.#patience?.refresh();
      if (this.#refusal.add(piece)) return;
      this.#passOnRefusal();
    }
    this.#response?.onResponseData?.(controller, piece);
  }

  onResponseEnd(controller: Controller, trailers: IncomingHttpHeaders): void {
    if (this.#refusal !== undefined && isConnectionFailing()) this.#passOnRefusal();
    if (this.#refusal === undefined) {
      this.#response?.onResponseEnd?.(controller, trailers);
      return;
    }
    this.#isRefused = true;
    this.#refusal.isWhole = true;
    this.#tryOther();
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#isTakenBack) {
      setImmediate(startAnew, this);
      return;
    }
    if (this.#isRefused) return;
    this.#passOnRefusal();
    this.#response?.onResponseError?.(controller, error);
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    this.#response?.onRequestUpgrade?.(controller, status, headers, socket);
  }

  /** The second attempt has a response: the first is forgotten. */
  secondAnswered(): void {
    this.#body.release();
    this.#refusal?.release();
    this.#refusal = undefined;
  }

  /** The second attempt has not reached the upstream: the first answer is all there is. */
  secondNotSent(): void {
    // Not now: where a connection broke, everything that ends at this moment counts as broken.
    setImmediate(endPatience, this);
  }

  /** What came of the attempt by this plan. */
  outcomeKnown(plan: Plan, outcome: UsageOutcome, isObserved: boolean): void {
    if (this.#refusedSentAtMs === undefined) return;
    const { clientId } = this.#exchange;
    this.#countRefused(isObserved);
    if (isObserved) this.#context.usage.recordPair(this.#plan, plan, clientId, outcome);
  }

  /** The exchange is over: nothing is kept any longer. */
  ended(): void {
    this.#stopWaiting();
    this.#countRefused(false);
    this.secondAnswered();
  }

  endPatience(): void {
    this.#passOnRefusal();
  }

  /** Sends what was not sent after all, by the plan of now. */
  startAnew(): void {
    const exchange = this.#exchange;
    if (exchange.over) return;
    const snapshot = this.#context.snapshot();
    const now = planNow(snapshot, exchange);
    const body = this.#body.untouched();
    try {
      if (now === undefined) {
        const detail = 'The route was taken away before the request was sent. Nothing was sent.';
        throw new AppError('route_not_found', detail);
      }
      requireUsable(this.#context, now.plan);
      if (body !== undefined) {
        this.#isTakenBack = false;
        this.#plan = now.plan;
        this.#snapshot = snapshot;
        this.#send(now.plan, now.shape, body);
      } else if (this.#body.isKept) {
        this.#body.whenEnded(() => this.startAnew());
        this.#body.drain();
      } else {
        const detail =
          'A version in use was taken back before the request was sent. Nothing was sent.';
        throw new AppError('secret_revoked', detail);
      }
    } catch (error) {
      exchange.failWith(toAppError(error));
    }
  }

  /** Sends a refused request once more, when both the refusal and its body are whole. */
  #tryOther(): void {
    if (this.#refusal?.isWhole !== true || this.#refusedSentAtMs !== undefined) return;
    if (!this.#body.hasEnded) {
      // In a later turn, when whoever sent it has let go of it.
      setImmediate(drain, this.#body);
      return;
    }
    this.#stopWaiting();
    const context = this.#context;
    const exchange = this.#exchange;
    const snapshot = context.snapshot();
    const now = planNow(snapshot, exchange);
    const other = now === undefined ? undefined : otherVersion(now.plan, this.#plan);
    const body = this.#body.replay();
    if (
      now === undefined ||
      other === undefined ||
      body === undefined ||
      other.failure !== undefined ||
      hasExpired(context, other) ||
      // Not the one that answered.
      other.upstream.id !== this.#plan.upstream.id ||
      !snapshot.clients.holds(exchange.clientId)
    ) {
      this.#passOnRefusal();
      return;
    }
    context.admission.circuits.answered(exchange, this.#plan, this.#refusal.status);
    this.#refusedSentAtMs = exchange.sentAtMs;
    this.#snapshot = snapshot;
    try {
      this.#send(other, now.shape, body);
    } catch (error) {
      this.failWith(toAppError(error));
    }
  }

  #send(plan: Plan, shape: RouteShape, body: Readable | null): void {
    const { request } = this.#exchange;
    const target = request.url ?? '';
    const mark = target.indexOf('?');
    const path = mark === -1 ? target : target.slice(0, mark);
    const query = mark === -1 ? '' : target.slice(mark + 1);
    const head = readHead(request.rawHeaders, shape, request.httpVersionMinor === 1);
    sendRequest(this.#context, this.#exchange, plan, head, path, query, body);
  }

  #passOnRefusal(): void {
    const refusal = this.#refusal;
    if (refusal === undefined) return;
    this.#stopWaiting();
    this.#refusal = undefined;
    this.#body.release();
    if (this.#refusedSentAtMs !== undefined) {
      this.#exchange.sending(this.#plan, this.#refusedSentAtMs);
      this.#refusedSentAtMs = undefined;
    }
    if (this.#response === undefined || this.#exchange.over) refusal.release();
    else refusal.passOn(this.#response);
  }

  #stopWaiting(): void {
    clearTimeout(this.#patience);
    // One that is cleared would be set anew by `refresh`.
    this.#patience = undefined;
  }

  #countRefused(isObserved: boolean): void {
    const sentAtMs = this.#refusedSentAtMs;
    if (sentAtMs === undefined) return;
    this.#refusedSentAtMs = undefined;
    const { clientId } = this.#exchange;
    this.#context.usage.record(this.#plan, clientId, 'refused', sentAtMs, isObserved);
  }
}

function startAnew(attempt: PairedAttempt): void {
  attempt.startAnew();
}

function endPatience(attempt: PairedAttempt): void {
  attempt.endPatience();
}

function drain(body: KeptBody): void {
  body.drain();
}
