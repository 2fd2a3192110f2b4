import type { PlacedBody } from '../core/index.js';
import { unplacedPairs } from './unplaced-pairs.js';

/**
 * Sets fields in a form (`application/x-www-form-urlencoded`) that comes piece by piece: every spelling of each
 * placed field is deleted, then the rendered ones are appended. What else the client sent stays as it was, byte
 * for byte. Each piece is dealt with as it comes, so that no long form holds up other requests.
 */
export class FormEditor {
  readonly #placed: PlacedBody['formNames'];
  readonly #kept: string[] = [];
  /** Of a pair that is not complete. */
  #tail: string[] = [];

  constructor(placed: PlacedBody['formNames']) {
    this.#placed = placed;
  }

  push(piece: Buffer): void {
    const text = piece.toString('latin1');
    const last = text.lastIndexOf('&');
    if (last === -1) {
      this.#tail.push(text);
      return;
    }
    this.#tail.push(text.slice(0, last));
    this.#take();
    this.#tail.push(text.slice(last + 1));
  }

  /** The form with its fields set, once all of it was pushed. `form` are the rendered pairs. */
  end(form: string): Buffer {
    this.#take();
    return Buffer.from([...this.#kept, form].join('&'), 'latin1');
  }

  #take(): void {
    const kept = unplacedPairs(this.#tail.join(''), this.#placed).join('&');
    if (kept !== '') this.#kept.push(kept);
    this.#tail = [];
  }
}
