import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { AppError, type Plan, type Snapshot, type UsageOutcome } from '../core/index.js';
import { isLive } from './choose-version.js';
import type { Exchange } from './exchange.js';
import { FirstAttempt } from './first-attempt.js';
import { KeptBody } from './kept-body.js';
import { isForbidden } from './may-refuse.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { otherNow, planNow } from './plan-now.js';
import type { RequestContext } from './request-context.js';
import type { RequestHead } from './request-head.js';
import { requireUsable } from './require-usable.js';
import { SecondAttempt } from './second-attempt.js';
import { resendRequest } from './send-request.js';
import { toAppError } from './to-app-error.js';

/**
 * One request while a cutover is under way for what its plan places. Sees to two things:
 *
 * A version that is not live in the newest snapshot is not sent, also not by a request that began before.
 *
 * A request that the upstream refuses is sent once more with the other version, if its body was kept: when the
 * refusal is whole, and so is the body. Where nothing comes in its place, the refusal is passed on.
 */
export class PairedAttempt {
  readonly #context: RequestContext;
  readonly #exchange: Exchange;
  readonly #body: KeptBody;
  readonly #allowsRetry: boolean;
  /** The newest in which the version at hand was seen to be live. */
  #snapshot: Snapshot;
  #first: FirstAttempt | undefined;
  /** When the first attempt was sent, while the second one is under way. */
  #refusedSentAtMs: number | undefined;
  /** Set where the first attempt was forbidden rather than refused: until the second one tells, nobody knows. */
  #isForbidden = false;
  /** Not sent after all: to be sent by the plan of now. */
  #isTakenBack = false;

  constructor(
    context: RequestContext,
    exchange: Exchange,
    snapshot: Snapshot,
    { keptBodyBytes = -1 }: Plan,
    { hasBody, contentLength }: RequestHead,
  ) {
    this.#context = context;
    this.#exchange = exchange;
    this.#snapshot = snapshot;
    this.#allowsRetry =
      keptBodyBytes >= 0 && contentLength <= keptBodyBytes && exchange.upgrade === undefined;
    const maxBytes = this.#allowsRetry ? keptBodyBytes : 0;
    this.#body = new KeptBody(exchange.request, hasBody, maxBytes, context.retryMemory);
  }

  get mayRetry(): boolean {
    return this.#allowsRetry && this.#body.isKept && !this.#exchange.over;
  }

  /** True while the body must not be read to its end by whoever was to send it. */
  get keepsBody(): boolean {
    return this.#isTakenBack;
  }

  bodyCame(piece: Buffer): void {
    this.#first?.goesOn();
    this.#body.came(piece);
    if (!this.#body.isKept) this.#first?.passOn();
  }

  bodyEnded(): void {
    this.#body.ended();
    if (this.#first?.isRefused === true) this.#tryOther(this.#first);
  }

  bodyGathered(whole: Buffer): void {
    this.#body.gathered(whole);
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
    if (this.#context.snapshot() === this.#snapshot) return true;
    const now = planNow(this.#context, this.#exchange);
    if (now === undefined || !isLive(now.plan, plan)) return false;
    this.#snapshot = now.snapshot;
    return true;
  }

  /** Whether a sending must not be, because its version was taken back. What is done instead is seen to. */
  takesBack(plan: Plan): boolean {
    if (this.isLive(plan)) return false;
    if (this.#refusedSentAtMs !== undefined) {
      this.notSent();
    } else {
      this.#isTakenBack = true;
      setImmediate(startAnew, this);
    }
    return true;
  }

  /** undici's handler for the next attempt: what is to be passed on goes to `response`. */
  around(plan: Plan, response: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    if (this.#refusedSentAtMs !== undefined) {
      return new SecondAttempt(this, this.#exchange, plan, response);
    }
    this.#first = new FirstAttempt(this, plan, response, this.#context.retryMemory);
    return this.#first;
  }

  /** An attempt could not be made ready. */
  failWith(error: AppError): void {
    if (this.#refusedSentAtMs === undefined) this.#exchange.failWith(error);
    else this.notSent();
  }

  /** The first attempt was refused, and that is over. */
  refused(status: number): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#isForbidden = isForbidden(first.plan, status);
    this.#context.admission.circuits.answered(this.#exchange, first.plan, status);
    if (this.#body.hasEnded) this.#tryOther(first);
    // In a later turn, when whoever sent it has let go of it.
    else setImmediate(drain, this.#body);
  }

  /** The second attempt was answered: if it was let through, it was the first one's credential that was not. */
  answeredAgain(plan: Plan, status: number): void {
    const isLetThrough = status < 500 && !plan.refusedStatuses.has(status);
    if (isLetThrough && !isForbidden(plan, status)) this.#isForbidden = false;
    this.answered();
  }

  /** There is a response to pass on: nothing will be sent again. */
  answered(): void {
    this.#body.release();
    this.#first?.drop();
  }

  /** The second attempt has not reached the upstream: the first answer is all there is. */
  notSent(): void {
    // Not now: where a connection broke, everything that ends at this moment counts as broken.
    setImmediate(passOn, this.#first);
  }

  /** The first answer is passed on after all. */
  passedOn(plan: Plan): void {
    this.#body.release();
    if (this.#refusedSentAtMs === undefined) return;
    this.#exchange.sending(plan, this.#refusedSentAtMs);
    this.#refusedSentAtMs = undefined;
  }

  /** What came of the attempt by this plan. */
  outcomeKnown(plan: Plan, outcome: UsageOutcome, isObserved: boolean): void {
    const refused = this.#countRefused(isObserved);
    if (refused === undefined || !isObserved) return;
    this.#context.usage.recordPair(refused, plan, this.#exchange.clientId, outcome);
  }

  /** The exchange is over: nothing is kept any longer. */
  ended(): void {
    this.#isTakenBack = false;
    this.#countRefused(false);
    this.answered();
  }

  /** Sends what was not sent after all, by the plan of now. */
  startAnew(): void {
    const exchange = this.#exchange;
    if (exchange.over) return;
    const now = planNow(this.#context, exchange);
    const body = this.#body.untouched();
    try {
      if (now === undefined) {
        const detail = 'The route was taken away before the request was sent. Nothing was sent.';
        throw new AppError('route_not_found', detail);
      }
      requireUsable(this.#context, now.plan);
      if (body !== undefined) {
        this.#isTakenBack = false;
        this.#snapshot = now.snapshot;
        resendRequest(this.#context, exchange, now.plan, now.shape, body);
      } else if (this.#body.isKept) {
        this.#body.whenEnded(() => this.startAnew());
        this.#body.drain();
      } else {
        const detail = 'A version in use was taken back before it was sent. Nothing was sent.';
        throw new AppError('secret_revoked', detail);
      }
    } catch (error) {
      exchange.failWith(toAppError(error));
    }
  }

  #tryOther(first: FirstAttempt): void {
    first.stopWaiting();
    const exchange = this.#exchange;
    const other = otherNow(this.#context, exchange, first.plan);
    const body = this.#body.replay();
    if (other === undefined || body === undefined) {
      first.passOn();
      return;
    }
    this.#refusedSentAtMs = exchange.sentAtMs;
    this.#snapshot = other.snapshot;
    try {
      resendRequest(this.#context, exchange, other.plan, other.shape, body);
    } catch {
      this.notSent();
    }
  }

  /** Counts the first attempt, once that is the refused one of two. */
  #countRefused(isObserved: boolean): Plan | undefined {
    const sentAtMs = this.#refusedSentAtMs;
    const plan = this.#first?.plan;
    if (sentAtMs === undefined || plan === undefined) return undefined;
    this.#refusedSentAtMs = undefined;
    const { clientId } = this.#exchange;
    // Forbidden with both: that is what the caller may not do.
    const outcome = this.#isForbidden ? 'accepted' : 'refused';
    this.#context.usage.record(plan, clientId, outcome, sentAtMs, isObserved);
    return this.#isForbidden ? undefined : plan;
  }
}

function startAnew(attempt: PairedAttempt): void {
  attempt.startAnew();
}

function passOn(attempt: FirstAttempt | undefined): void {
  attempt?.passOn();
}

function drain(body: KeptBody): void {
  body.drain();
}
