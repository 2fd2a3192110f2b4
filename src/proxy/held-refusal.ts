import type { Dispatcher } from 'undici';
import { type ByteBudget, KeptBytes } from './kept-bytes.js';

type Controller = Dispatcher.DispatchController;

/** An error page is shorter; a longer one is passed on as it comes. */
const MAX_HELD_BYTES = 64 * 1024;

/**
 * A response by which the upstream refuses a credential: not passed on as long as another one may be had in its
 * place. To whom it is passed on at last it also is undici's controller, because the connection may serve another
 * request by then.
 */
export class HeldRefusal implements Controller {
  readonly aborted = false;
  readonly paused = false;
  readonly reason = null;
  readonly status: number;
  /** All of it has come. */
  isWhole = false;
  readonly #controller: Controller;
  readonly #message: string | undefined;
  readonly #body: KeptBytes;

  constructor(
    controller: Controller,
    status: number,
    message: string | undefined,
    budget: ByteBudget,
  ) {
    this.status = status;
    this.#controller = controller;
    this.#message = message;
    this.#body = new KeptBytes(MAX_HELD_BYTES, budget);
  }

  get rawHeaders(): NonNullable<Controller['rawHeaders']> {
    return this.#controller.rawHeaders ?? [];
  }

  get rawTrailers(): NonNullable<Controller['rawTrailers']> {
    return this.#controller.rawTrailers ?? [];
  }

  /** False when it is too long to be held: it must be passed on then, and the piece behind it. */
  add(piece: Buffer): boolean {
    return this.#body.add(piece);
  }

  /** Gives it to the handler that it was kept from, as if it came now. */
  passOn(handler: Dispatcher.DispatchHandler): void {
    const controller = this.isWhole ? this : this.#controller;
    try {
      handler.onResponseStart?.(controller, this.status, {}, this.#message);
      const { bytes } = this.#body;
      if (bytes.length > 0) handler.onResponseData?.(controller, bytes);
      if (this.isWhole) handler.onResponseEnd?.(controller, {});
    } catch (error) {
      // undici would take it where it calls.
      handler.onResponseError?.(controller, error as Error);
    }
    this.release();
  }

  release(): void {
    this.#body.release();
  }

  // What has come whole cannot be held up.
  pause(): void {}

  resume(): void {}

  abort(): void {}
}
