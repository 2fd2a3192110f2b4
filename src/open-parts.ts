/** What has been opened so far, each with its way to be closed. */
export class OpenParts {
  readonly #closers: (() => unknown)[] = [];

  /** Gives the part back. */
  add<Part extends { close(): unknown }>(part: Part): Part {
    this.atEnd(() => part.close());
    return part;
  }

  atEnd(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** In the opposite order of opening, one after the other. */
  async close(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close();
    }
  }
}
