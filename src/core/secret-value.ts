import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * The bytes of a secret. They are private; every way of printing the object gives `[redacted]`.
 * `expose()` is the only way out, and a test holds the list of its callers.
 */
export class SecretValue {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Takes ownership of `bytes`: the caller must not keep or change them. */
  static fromBytes(bytes: Uint8Array): SecretValue {
    return new SecretValue(bytes);
  }

  /** Encodes `text` as UTF-8. */
  static fromText(text: string): SecretValue {
    return new SecretValue(new TextEncoder().encode(text));
  }

  /** Length in bytes. */
  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** The bytes themselves, not a copy. Call it as late as possible and let the result go at once. */
  expose(): Uint8Array {
    return this.#bytes;
  }

  /** Whether the bytes are the same; in a time that tells nothing but whether the lengths are. */
  equals(other: SecretValue): boolean {
    const a = this.#bytes;
    const b = other.#bytes;
    if (a.byteLength !== b.byteLength) return false;
    let difference = 0;
    for (let at = 0; at < a.byteLength; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
    return difference === 0;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
