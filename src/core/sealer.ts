import type { SecretValue } from './secret-value.js';

/** What a sealed value is bound to: moved to another row, it does not open. */
export interface SealContext {
  readonly databaseId: string;
  readonly environment: string;
  readonly secretId: string;
  readonly version: number;
}

/** A value at rest: sealed under its own data key, which is wrapped under the key-encryption key `keyId`. */
export interface SealedValue {
  readonly algorithm: string;
  readonly keyId: string;
  readonly wrappedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Seals and opens values. Throws `database_corrupt` when a value does not open. */
export interface Sealer {
  seal(value: SecretValue, context: SealContext): SealedValue;
  open(sealed: SealedValue, context: SealContext): SecretValue;
}
