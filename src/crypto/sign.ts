import type { Signer } from '../core/index.js';
import type { Keyring } from './keyring.js';
import { sodium } from './sodium.js';

/** Signs under a subkey of the root key (Ed25519, RFC 8032): after a rekey the public key is another one. */
export function createSigner(keyring: Keyring): Signer {
  const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(keyring.signingSeed());
  return {
    publicKey: Buffer.from(publicKey).toString('base64url'),
    sign: (text) =>
      Buffer.from(sodium.crypto_sign_detached(text, privateKey)).toString('base64url'),
  };
}

/** Whether `signature` was made over `text` by the holder of the key. Both are base64url. */
export function verifySignature(text: string, signature: string, publicKey: string): boolean {
  try {
    return sodium.crypto_sign_verify_detached(
      Buffer.from(signature, 'base64url'),
      text,
      Buffer.from(publicKey, 'base64url'),
    );
  } catch {
    // The library's way to say that one of them has another length.
    return false;
  }
}
