import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decrypt, encrypt, KEY_BYTES, NONCE_BYTES, randomKey } from '../../src/crypto/aead.js';

interface WycheproofFile {
  testGroups: {
    ivSize: number;
    keySize: number;
    tests: {
      tcId: number;
      key: string;
      iv: string;
      aad: string;
      msg: string;
      ct: string;
      tag: string;
      result: 'valid' | 'invalid';
    }[];
  }[];
}

const corpus = fileURLToPath(
  new URL('../../../shared/corpora/xchacha20_poly1305_test.json', import.meta.url),
);
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

describe('XChaCha20-Poly1305', () => {
  test.skipIf(!existsSync(corpus))('answers all 315 Wycheproof cases right', () => {
    const { testGroups } = JSON.parse(readFileSync(corpus, 'utf8')) as WycheproofFile;
    const cases = testGroups.flatMap(({ tests }) => tests);
    const wrong = cases.filter(({ key, iv, aad, msg, ct, tag, result }) => {
      const box = bytes(iv + ct + tag);
      const sizesFit = bytes(key).length === KEY_BYTES && bytes(iv).length === NONCE_BYTES;
      const opened = sizesFit ? decrypt(bytes(key), box, bytes(aad)) : undefined;
      const right =
        result === 'valid'
          ? opened !== undefined && Buffer.from(opened).toString('hex') === msg
          : opened === undefined;
      return !right;
    });
    expect(wrong.map(({ tcId }) => tcId)).toEqual([]);
    expect(cases).toHaveLength(315);
  });

  test('takes a new nonce each time', () => {
    const key = randomKey();
    const nonces = Array.from({ length: 1000 }, () =>
      Buffer.from(encrypt(key, new Uint8Array(1), new Uint8Array()).subarray(0, NONCE_BYTES)),
    );
    expect(new Set(nonces.map((nonce) => nonce.toString('hex'))).size).toBe(1000);
  });

  test('does not open what is too short', () => {
    const key = randomKey();
    for (let length = 0; length < 40; length++) {
      expect(decrypt(key, new Uint8Array(length), new Uint8Array())).toBeUndefined();
    }
  });
});
