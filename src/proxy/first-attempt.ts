import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Plan } from '../core/index.js';
import { isConnectionFailing } from './guarded-connector.js';
import { HeldRefusal } from './held-refusal.js';
import type { ByteBudget } from './kept-bytes.js';
import { mayRefuse } from './may-refuse.js';
import type { PairedAttempt } from './paired-attempt.js';

type Controller = Dispatcher.DispatchController;
type Handler = Dispatcher.DispatchHandler;

/** How long a refusal is held while neither it nor the body of its request goes on. */
const PATIENCE_MS = 2000;

/** Ends a sending of which nothing was written. */
export const TAKEN_BACK = new Error('a version in use was taken back');

/**
 * undici's handler for a request that may be sent once more: a refusal is held back until it is whole. What breaks
 * before that is no refusal, and what is too long or takes too long is passed on as it comes.
 */
export class FirstAttempt implements Handler {
  readonly plan: Plan;
  readonly #paired: PairedAttempt;
  readonly #response: Handler;
  readonly #budget: ByteBudget;
  #refusal: HeldRefusal | undefined;
  #patience: NodeJS.Timeout | undefined;
  /** Nothing more can come of it. */
  #isOver = false;

  constructor(paired: PairedAttempt, plan: Plan, response: Handler, budget: ByteBudget) {
    this.#paired = paired;
    this.plan = plan;
    this.#response = response;
    this.#budget = budget;
  }

  get isRefused(): boolean {
    return this.#refusal?.isWhole === true;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    if (this.#paired.takesBack(this.plan)) {
      this.#isOver = true;
      controller.abort(TAKEN_BACK);
    } else {
      this.#response.onRequestStart?.(controller, context);
    }
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    if (mayRefuse(this.plan, status) && this.#paired.mayRetry) {
      this.#refusal = new HeldRefusal(controller, status, message, this.#budget);
      this.#patience = setTimeout(passOn, PATIENCE_MS, this);
      return;
    }
    if (status >= 200) this.#paired.answered();
    this.#response.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    if (this.#refusal !== undefined) {
      this.goesOn();
      if (this.#refusal.add(piece)) return;
      this.passOn();
    }
    this.#response.onResponseData?.(controller, piece);
  }

  onResponseEnd(controller: Controller, trailers: IncomingHttpHeaders): void {
    if (this.#refusal !== undefined && isConnectionFailing()) this.passOn();
    if (this.#refusal === undefined) {
      this.#response.onResponseEnd?.(controller, trailers);
      return;
    }
    this.#isOver = true;
    this.#refusal.isWhole = true;
    this.#paired.refused(this.#refusal.status);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#isOver) return;
    this.passOn();
    this.#response.onResponseError?.(controller, error);
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    this.#response.onRequestUpgrade?.(controller, status, headers, socket);
  }

  /** What is waited for has come nearer. */
  goesOn(): void {
    this.#patience?.refresh();
  }

  stopWaiting(): void {
    clearTimeout(this.#patience);
    // One that is cleared would be set anew by `refresh`.
    this.#patience = undefined;
  }

  /** Gives up holding a refusal: the client gets it. */
  passOn(): void {
    const refusal = this.#refusal;
    if (refusal === undefined) return;
    this.#refusal = undefined;
    this.stopWaiting();
    this.#paired.passedOn(this.plan);
    refusal.passOn(this.#response);
  }

  /** Forgets a refusal: another response is passed on, or none. */
  drop(): void {
    this.stopWaiting();
    this.#refusal?.release();
    this.#refusal = undefined;
  }
}

function passOn(attempt: FirstAttempt): void {
  attempt.passOn();
}
