import type { CheckFinding } from '../../core/index.js';
import { ProviderError } from '../provider.js';

/** What a check has found so far. */
export class Findings {
  readonly all: CheckFinding[] = [];

  add(what: string, ok: boolean, detail: string): void {
    this.all.push({ what, ok, detail });
  }

  /** Adds what `work` says; where it throws a `ProviderError`, that and what to do. */
  async attempt(what: string, work: () => Promise<string>): Promise<void> {
    try {
      this.add(what, true, await work());
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.add(what, false, `${error.message} ${error.whatToDo}`);
    }
  }
}
