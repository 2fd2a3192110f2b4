/**
 * A key of the server itself at rest: random, wrapped under the root key `rootKeyId`. `canary` only proves
 * that the root key is the right one.
 */
export interface StoredKey {
  /** `audit-2`: purpose and generation. Stays the same when it is wrapped anew. */
  readonly id: string;
  readonly purpose: 'canary' | 'tokens' | 'audit';
  readonly rootKeyId: string;
  readonly wrapped: Uint8Array;
}

/** How a root key was derived from its passphrase (RFC 7914). Public: kept beside the data. */
export interface PassphraseParameters {
  readonly algorithm: 'scrypt';
  /** base64url. */
  readonly salt: string;
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}
