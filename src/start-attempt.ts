/** A start that is given up when it is asked to stop before it is over. */
export class StartAttempt {
  readonly #giveUp = new AbortController();
  readonly #stopping: AbortSignal | undefined;
  readonly #onStop = (): void => this.#giveUp.abort(this.#stopping?.reason);

  constructor(stopping: AbortSignal | undefined) {
    this.#stopping = stopping;
    if (stopping?.aborted === true) this.#onStop();
    stopping?.addEventListener('abort', this.#onStop);
  }

  /** Aborted when the start is given up. What it waits for asks the store, which ends by it. */
  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** From here on it goes to its end, to be stopped as a server is. Throws the reason where it was given up. */
  end(): void {
    this.signal.throwIfAborted();
    this.#stopping?.removeEventListener('abort', this.#onStop);
  }
}
