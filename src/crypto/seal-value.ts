import { timingSafeEqual } from 'node:crypto';
import { type SealContext, type SealedValue, type Sealer, SecretValue } from '../core/index.js';
import { additionalData } from './additional-data.js';
import { CIPHER, decrypt, encrypt, randomKey } from './aead.js';
import { dataKeyContext, doesNotOpen, type Keyring } from './keyring.js';
import { sodium } from './sodium.js';

/** Kept with each value. A later algorithm gets another name and this one still opens. */
const ALGORITHM = `${CIPHER}+commitment`;

const COMMITMENT_BYTES = 32;
const ENCRYPTION_KEY_BYTES = 32;
const DERIVATION_CONTEXT = 'kf-value';

/**
 * Seals each value under its own random data key. The AEAD does not commit to its key: someone could make
 * a box that opens under two. So the data key gives an encryption key and a commitment, the commitment is
 * kept before the box, and is compared before the box is opened.
 */
export function createSealer(keyring: Keyring): Sealer {
  return {
    seal(value: SecretValue, context: SealContext): SealedValue {
      const dataKey = randomKey();
      const { encryptionKey, commitment } = deriveKeys(dataKey);
      const box = encrypt(encryptionKey, value.expose(), valueData(context));
      const ciphertext = new Uint8Array(COMMITMENT_BYTES + box.byteLength);
      ciphertext.set(commitment);
      ciphertext.set(box, COMMITMENT_BYTES);
      const wrappedKey = keyring.wrap(dataKey, dataKeyContext(context));
      sodium.memzero(dataKey);
      sodium.memzero(encryptionKey);
      return { algorithm: ALGORITHM, keyId: keyring.rootKeyId, wrappedKey, ciphertext };
    },

    open(sealed: SealedValue, context: SealContext): SecretValue {
      const known = sealed.algorithm === ALGORITHM && sealed.keyId === keyring.rootKeyId;
      const dataKey = known
        ? keyring.unwrap(sealed.wrappedKey, dataKeyContext(context))
        : undefined;
      if (dataKey === undefined) throw doesNotOpen(context);
      const { encryptionKey, commitment } = deriveKeys(dataKey);
      sodium.memzero(dataKey);
      const found = sealed.ciphertext.subarray(0, COMMITMENT_BYTES);
      const plaintext =
        found.byteLength === COMMITMENT_BYTES && timingSafeEqual(found, commitment)
          ? decrypt(encryptionKey, sealed.ciphertext.subarray(COMMITMENT_BYTES), valueData(context))
          : undefined;
      sodium.memzero(encryptionKey);
      if (plaintext === undefined) throw doesNotOpen(context);
      return SecretValue.fromBytes(plaintext);
    },
  };
}

function deriveKeys(dataKey: Uint8Array): { encryptionKey: Uint8Array; commitment: Uint8Array } {
  const both = sodium.crypto_kdf_derive_from_key(
    ENCRYPTION_KEY_BYTES + COMMITMENT_BYTES,
    1,
    DERIVATION_CONTEXT,
    dataKey,
  );
  return {
    encryptionKey: both.subarray(0, ENCRYPTION_KEY_BYTES),
    commitment: both.subarray(ENCRYPTION_KEY_BYTES),
  };
}

function valueData(context: SealContext): Uint8Array {
  const { databaseId, environment, secretId, version } = context;
  return additionalData([
    'keyferry',
    '1',
    'value',
    databaseId,
    environment,
    secretId,
    `${version}`,
    ALGORITHM,
  ]);
}
