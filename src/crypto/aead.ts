import { randomBytes } from 'node:crypto';
import { sodium } from './sodium.js';

/** Name of the cipher as it is bound into additional data: draft-irtf-cfrg-xchacha. */
export const CIPHER = 'XChaCha20-Poly1305-IETF';
export const KEY_BYTES = 32;
export const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** Encrypts under a fresh random nonce. The result is nonce ‖ ciphertext ‖ tag. */
export function encrypt(
  key: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  // libsodium's own randomness costs a call into Node for every four bytes here.
  const nonce = randomBytes(NONCE_BYTES);
  const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    plaintext,
    additional,
    null,
    nonce,
    key,
  );
  const box = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  box.set(nonce);
  box.set(sealed, NONCE_BYTES);
  return box;
}

/** Undoes `encrypt`. Undefined when the key, the additional data or any bit of the box is another. */
export function decrypt(
  key: Uint8Array,
  box: Uint8Array,
  additional: Uint8Array,
): Uint8Array | undefined {
  if (box.byteLength < NONCE_BYTES + TAG_BYTES) return undefined;
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      box.subarray(NONCE_BYTES),
      additional,
      box.subarray(0, NONCE_BYTES),
      key,
    );
  } catch {
    // The library's only way to say that the tag does not fit.
    return undefined;
  }
}

export function randomKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}
