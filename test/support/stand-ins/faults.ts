import type { StandInFault } from '../provider-stand-in.js';

/** What is to go wrong from now on, and how often. */
export class Faults {
  readonly #left = new Map<StandInFault, number>();

  add(fault: StandInFault, times = 1): void {
    this.#left.set(fault, (this.#left.get(fault) ?? 0) + times);
  }

  /** Whether it is going to. */
  has(fault: StandInFault): boolean {
    return (this.#left.get(fault) ?? 0) > 0;
  }

  /** Whether it goes wrong this time. */
  take(fault: StandInFault): boolean {
    const left = this.#left.get(fault) ?? 0;
    if (left > 0) this.#left.set(fault, left - 1);
    return left > 0;
  }
}
