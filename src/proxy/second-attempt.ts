import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Plan } from '../core/index.js';
import type { Exchange } from './exchange.js';
import { TAKEN_BACK } from './first-attempt.js';
import type { PairedAttempt } from './paired-attempt.js';

type Controller = Dispatcher.DispatchController;
type Handler = Dispatcher.DispatchHandler;

/** undici's handler for a request that is sent once more. Only where it was not sent the first answer is still good. */
export class SecondAttempt implements Handler {
  readonly #paired: PairedAttempt;
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #response: Handler;

  constructor(paired: PairedAttempt, exchange: Exchange, plan: Plan, response: Handler) {
    this.#paired = paired;
    this.#exchange = exchange;
    this.#plan = plan;
    this.#response = response;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    if (!this.#paired.isLive(this.#plan)) {
      controller.abort(TAKEN_BACK);
      return;
    }
    this.#exchange.retried = true;
    this.#response.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    if (status >= 200) this.#paired.answeredAgain(this.#plan, status);
    this.#response.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    this.#response.onResponseData?.(controller, piece);
  }

  onResponseEnd(controller: Controller, trailers: IncomingHttpHeaders): void {
    this.#response.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#exchange.sentAtMs === 0) this.#paired.notSent();
    else this.#response.onResponseError?.(controller, error);
  }
}
