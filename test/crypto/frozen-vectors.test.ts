import { mkdtempSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type PassphraseParameters, SecretValue, type StoredKey } from '../../src/core/index.js';
import {
  createSealer,
  createTokens,
  decryptBackup,
  Keyring,
  loadRootKey,
  openStoredKeys,
  readBackupHeader,
} from '../../src/crypto/index.js';

interface Vectors {
  rootKey: string;
  rootKeyId: string;
  databaseId: string;
  values: {
    context: { databaseId: string; environment: string; secretId: string; version: number };
    sealed: { algorithm: string; keyId: string; wrappedKey: string; ciphertext: string };
    plaintext: string;
  }[];
  storedKeys: (Omit<StoredKey, 'wrapped'> & { wrapped: string })[];
  tokensKey: string;
  auditKey: string;
  token: { token: string; id: string; hash: string };
  backup: { file: string; content: string };
  passphrase: { passphrase: string; parameters: PassphraseParameters; rootKey: string };
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
const text = (value: SecretValue): string => Buffer.from(value.expose()).toString('base64url');

let vectors: Vectors;
let keyring: Keyring;

beforeAll(async () => {
  vectors = JSON.parse(
    await readFile(new URL('../vectors/format-1.json', import.meta.url), 'utf8'),
  ) as Vectors;
  const value = SecretValue.fromText(vectors.rootKey);
  keyring = new Keyring(await loadRootKey({ type: 'value', value }));
});

describe('what the first release sealed', () => {
  test('has the same root key id', () => {
    expect(keyring.rootKeyId).toBe(vectors.rootKeyId);
  });

  test('opens: values', () => {
    const sealer = createSealer(keyring);
    expect(vectors.values.length).toBeGreaterThan(0);
    for (const { context, sealed, plaintext } of vectors.values) {
      const { wrappedKey, ciphertext } = sealed;
      const value = sealer.open(
        { ...sealed, wrappedKey: bytes(wrappedKey), ciphertext: bytes(ciphertext) },
        context,
      );
      expect(text(value)).toBe(plaintext);
    }
  });

  test("opens: the server's own keys, and checks a token with them", () => {
    const rows = vectors.storedKeys.map((row) => ({ ...row, wrapped: bytes(row.wrapped) }));
    const opened = openStoredKeys(keyring, vectors.databaseId, rows);
    expect(text(opened.tokens)).toBe(vectors.tokensKey);
    expect(opened.audit.map(({ key }) => text(key))).toEqual([vectors.auditKey]);
    const { token, id, hash } = vectors.token;
    const tokens = createTokens(opened.tokens);
    expect(tokens.idOf(token)).toBe(id);
    expect(tokens.matches(token, bytes(hash))).toBe(true);
  });

  test('opens: a backup', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyferry-vectors-'));
    try {
      const file = join(folder, 'backup');
      writeFileSync(file, bytes(vectors.backup.file));
      expect(await readBackupHeader(file)).toMatchObject({ databaseId: vectors.databaseId });
      const pieces: Uint8Array[] = [];
      for await (const piece of decryptBackup(file, keyring)) pieces.push(piece);
      expect(Buffer.concat(pieces).toString()).toBe(vectors.backup.content);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('gives the same root key for a passphrase', async () => {
    const { passphrase, parameters, rootKey } = vectors.passphrase;
    const source = { type: 'passphrase', passphrase: SecretValue.fromText(passphrase) } as const;
    expect(text(await loadRootKey(source, parameters))).toBe(rootKey);
  });
});
