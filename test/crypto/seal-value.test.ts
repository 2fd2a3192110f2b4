import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SealContext, type SealedValue, SecretValue } from '../../src/core/index.js';
import { additionalData } from '../../src/crypto/additional-data.js';
import { createSealer, generateRootKey, Keyring, rewrap } from '../../src/crypto/index.js';

const keyring = new Keyring(generateRootKey());
const sealer = createSealer(keyring);

const name = fc.stringMatching(/^[a-z_][a-z0-9-]{0,20}$/);
const context = fc.record<SealContext>({
  databaseId: fc.uuid(),
  environment: name,
  secretId: fc.uuid(),
  version: fc.integer({ min: 1, max: 1_000_000 }),
});
const value = fc.uint8Array({ minLength: 1, maxLength: 300 });
const here: SealContext = { databaseId: 'd', environment: 'e', secretId: 's', version: 1 };
const sealText = (text: string, at = here): SealedValue =>
  sealer.seal(SecretValue.fromText(text), at);
const openText = (sealed: SealedValue, at = here): string =>
  Buffer.from(sealer.open(sealed, at).expose()).toString();
const refuses = (work: () => unknown): void => {
  expect(work).toThrow(expect.objectContaining({ code: 'database_corrupt' }));
};

describe('a sealed value', () => {
  test('opens to what was sealed', () => {
    fc.assert(
      fc.property(value, context, (bytes, at) => {
        const sealed = sealer.seal(SecretValue.fromBytes(bytes.slice()), at);
        expect(sealer.open(sealed, at).expose()).toEqual(bytes);
      }),
    );
  });

  test('opens in no other place', () => {
    fc.assert(
      fc.property(context, context, (at, other) => {
        fc.pre(JSON.stringify(at) !== JSON.stringify(other));
        refuses(() => sealer.open(sealText('v', at), other));
      }),
    );
    for (const other of [
      { ...here, databaseId: 'x' },
      { ...here, environment: 'x' },
      { ...here, secretId: 'x' },
      { ...here, version: 2 },
    ]) {
      refuses(() => openText(sealText('v'), other));
    }
  });

  test('does not open with any bit changed', () => {
    const sealed = sealText('a value');
    for (const part of ['wrappedKey', 'ciphertext'] as const) {
      for (let bit = 0; bit < sealed[part].byteLength * 8; bit++) {
        const changed = sealed[part].slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        refuses(() => openText({ ...sealed, [part]: changed }));
      }
      refuses(() => openText({ ...sealed, [part]: sealed[part].subarray(1) }));
      refuses(() => openText({ ...sealed, [part]: new Uint8Array() }));
    }
    refuses(() => openText({ ...sealed, algorithm: 'none' }));
    expect(openText(sealed)).toBe('a value');
  });

  test('does not open with parts of another, whichever are swapped', () => {
    const a = sealText('first');
    const b = sealText('second');
    refuses(() => openText({ ...a, wrappedKey: b.wrappedKey }));
    refuses(() => openText({ ...a, ciphertext: b.ciphertext }));
    const staging = { ...here, environment: 'staging' };
    refuses(() => openText({ ...sealText('x', staging) }));
    refuses(() => openText({ ...a, wrappedKey: sealText('x', staging).wrappedKey }));
  });

  test('does not open under another root key', () => {
    const other = createSealer(new Keyring(generateRootKey()));
    const sealed = sealText('v');
    refuses(() => other.open(sealed, here));
    const { keyId } = other.seal(SecretValue.fromText('v'), here);
    refuses(() => other.open({ ...sealed, keyId }, here));
  });

  test('looks different each time, and holds no byte of the value in the clear', () => {
    const text = 'a-long-and-telling-value-0123456789';
    const [a, b] = [sealText(text), sealText(text)];
    expect(a.ciphertext).not.toEqual(b.ciphertext);
    expect(a.wrappedKey).not.toEqual(b.wrappedKey);
    expect(Buffer.from(a.ciphertext).includes(text.slice(0, 8))).toBe(false);
  });

  test('opens after its key was rewrapped, with the value untouched', () => {
    const next = new Keyring(generateRootKey());
    const sealed = sealText('v');
    const moved = { ...sealed, ...rewrap(sealed, here, keyring, next) };
    expect(moved.ciphertext).toBe(sealed.ciphertext);
    expect(createSealer(next).open(moved, here).byteLength).toBe(1);
    refuses(() => openText(moved));
    refuses(() => rewrap(sealed, { ...here, version: 2 }, keyring, next));
    refuses(() => rewrap(moved, here, keyring, next));
  });
});

test('additional data is never the same for two lists of fields', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      expect(Buffer.from(additionalData(a)).equals(additionalData(b))).toBe(same);
    }),
  );
});
