import { AppError, type SealContext, type SealedValue, type SecretValue } from '../core/index.js';
import { additionalData } from './additional-data.js';
import { CIPHER, decrypt, encrypt, KEY_BYTES } from './aead.js';
import { sodium } from './sodium.js';

/** Eight characters, as libsodium's key derivation wants its context. */
const DERIVATION_CONTEXT = 'keyferry';
/** Numbers of the subkeys. Never change or reuse one: data at rest depends on them. */
const SUBKEY = { wrapping: 1, rootKeyId: 2, backup: 3, signing: 4 } as const;
const ROOT_KEY_ID_BYTES = 16;

/** What a wrapped key is for; bound to it, so that it unwraps nowhere else. */
export type WrapContext = readonly string[];

/** The subkeys of one root key. */
export class Keyring {
  /** Names the root key without telling it: 22 base64url characters derived from it. */
  readonly rootKeyId: string;
  readonly #wrappingKey: Uint8Array;
  readonly #backupKey: Uint8Array;
  readonly #signingSeed: Uint8Array;

  constructor(rootKey: SecretValue) {
    const root = rootKey.expose();
    const derive = (subkey: number, bytes: number): Uint8Array =>
      sodium.crypto_kdf_derive_from_key(bytes, subkey, DERIVATION_CONTEXT, root);
    this.rootKeyId = Buffer.from(derive(SUBKEY.rootKeyId, ROOT_KEY_ID_BYTES)).toString('base64url');
    this.#wrappingKey = derive(SUBKEY.wrapping, KEY_BYTES);
    this.#backupKey = derive(SUBKEY.backup, KEY_BYTES);
    this.#signingSeed = derive(SUBKEY.signing, sodium.crypto_sign_SEEDBYTES);
  }

  /** Encrypts a key under this root key. */
  wrap(key: Uint8Array, context: WrapContext): Uint8Array {
    return encrypt(this.#wrappingKey, key, this.#wrapData(context));
  }

  /** Undefined when it was wrapped under another root key, for another place, or was changed. */
  unwrap(wrapped: Uint8Array, context: WrapContext): Uint8Array | undefined {
    return decrypt(this.#wrappingKey, wrapped, this.#wrapData(context));
  }

  /** For `encryptBackup` and `decryptBackup` only. */
  backupKey(): Uint8Array {
    return this.#backupKey;
  }

  /** For `createSigner` only. */
  signingSeed(): Uint8Array {
    return this.#signingSeed;
  }

  #wrapData(context: WrapContext): Uint8Array {
    return additionalData(['keyferry', '1', 'key', CIPHER, ...context, this.rootKeyId]);
  }
}

/** The place of a value's data key. */
export function dataKeyContext(context: SealContext): WrapContext {
  return ['data', context.databaseId, context.environment, context.secretId, `${context.version}`];
}

/**
 * Wraps a value's data key under another root key; the sealed value itself stays as it is.
 * Throws `database_corrupt` when it does not unwrap.
 */
export function rewrap(
  sealed: Pick<SealedValue, 'keyId' | 'wrappedKey'>,
  context: SealContext,
  from: Keyring,
  to: Keyring,
): Pick<SealedValue, 'keyId' | 'wrappedKey'> {
  const place = dataKeyContext(context);
  const dataKey =
    sealed.keyId === from.rootKeyId ? from.unwrap(sealed.wrappedKey, place) : undefined;
  if (dataKey === undefined) throw doesNotOpen(context);
  const wrappedKey = to.wrap(dataKey, place);
  sodium.memzero(dataKey);
  return { keyId: to.rootKeyId, wrappedKey };
}

export function doesNotOpen(context: SealContext): AppError {
  return new AppError(
    'database_corrupt',
    `Version ${context.version} of a secret in ${context.environment} (id ${context.secretId}) does not open: its row was changed or moved, or was sealed under another root key. Restore it from a backup.`,
  );
}
