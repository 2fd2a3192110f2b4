import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import {
  createStoredKeys,
  generateRootKey,
  Keyring,
  loadRootKey,
  openStoredKeys,
  rewrapStoredKeys,
  writeRootKey,
} from '../../src/crypto/index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-root-key-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fromText = (text: string) =>
  loadRootKey({ type: 'value', value: SecretValue.fromText(text) });

describe('a root key', () => {
  test('is written to a file of its own and read back', async () => {
    const file = join(folder, 'master.key');
    const key = generateRootKey();
    await writeRootKey(file, key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'latin1')).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect((await loadRootKey({ type: 'file', file })).expose()).toEqual(Buffer.from(key.expose()));
  });

  test('is read from base64url, base64 and hexadecimal text', async () => {
    const bytes = Buffer.from(generateRootKey().expose());
    for (const text of [
      bytes.toString('base64url'),
      bytes.toString('base64'),
      bytes.toString('hex'),
      ` ${bytes.toString('hex').toUpperCase()}\n`,
    ]) {
      expect(Buffer.from((await fromText(text)).expose()).equals(bytes)).toBe(true);
    }
  });

  test('that is none is refused without repeating it', async () => {
    for (const text of ['', 'hunter2hunter2', 'z'.repeat(64), 'a'.repeat(63)]) {
      const error = await fromText(text).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'config_invalid' });
      if (text !== '') expect(String(error)).not.toContain(text);
    }
  });

  test('file that others may read is refused, with the line that mends it', async () => {
    const file = join(folder, 'master.key');
    await writeRootKey(file, generateRootKey());
    chmodSync(file, 0o640);
    await expect(loadRootKey({ type: 'file', file })).rejects.toMatchObject({
      code: 'permissions_loose',
      message: expect.stringContaining(`chmod 600 ${file}`),
    });
  });

  test('file that is missing or unreadable is said to be so', async () => {
    await expect(loadRootKey({ type: 'file', file: join(folder, 'none') })).rejects.toMatchObject({
      code: 'root_key_missing',
    });
    writeFileSync(join(folder, 'bad'), 'not a key', { mode: 0o600 });
    await expect(loadRootKey({ type: 'file', file: join(folder, 'bad') })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  });

  test('from a passphrase needs the parameters kept with the data, and enough of a passphrase', async () => {
    const parameters = {
      algorithm: 'scrypt',
      salt: 'AAAA',
      cost: 1024,
      blockSize: 8,
      parallelization: 1,
    } as const;
    const derive = (text: string) =>
      loadRootKey({ type: 'passphrase', passphrase: SecretValue.fromText(text) }, parameters);
    const first = await derive('correct horse battery');
    expect((await derive('correct horse battery')).expose()).toEqual(first.expose());
    expect((await derive('correct horse batterz')).expose()).not.toEqual(first.expose());
    await expect(derive('short')).rejects.toMatchObject({ code: 'config_invalid' });
    const passphrase = SecretValue.fromText('correct horse battery');
    await expect(loadRootKey({ type: 'passphrase', passphrase })).rejects.toMatchObject({
      code: 'root_key_wrong',
    });
  });
});

describe("the server's own keys", () => {
  test('open under their root key, in their database, unchanged, and nowhere else', () => {
    const keyring = new Keyring(generateRootKey());
    const rows = createStoredKeys(keyring, 'db');
    expect(openStoredKeys(keyring, 'db', rows).audit).toHaveLength(1);
    const open = (database: string, changed: typeof rows, by = keyring) =>
      expect(() => openStoredKeys(by, database, changed));
    open('db', rows, new Keyring(generateRootKey())).toThrow(
      expect.objectContaining({ code: 'root_key_wrong' }),
    );
    const corrupt = expect.objectContaining({ code: 'database_corrupt' });
    open('other', rows).toThrow(corrupt);
    open('db', rows.slice(1)).toThrow(corrupt);
    const [canary, tokens, audit] = rows;
    open('db', [canary!, { ...tokens!, wrapped: audit!.wrapped }, audit!]).toThrow(corrupt);
  });

  test('stay the same when they are rewrapped, and the audit log gets one more', () => {
    const from = new Keyring(generateRootKey());
    const to = new Keyring(generateRootKey());
    const rows = createStoredKeys(from, 'db');
    const before = openStoredKeys(from, 'db', rows);
    const after = openStoredKeys(to, 'db', rewrapStoredKeys(from, to, 'db', rows));
    expect(after.tokens.expose()).toEqual(before.tokens.expose());
    expect(after.audit.map(({ id }) => id)).toEqual(['audit-1', 'audit-2']);
    expect(after.audit[0]?.key.expose()).toEqual(before.audit[0]?.key.expose());
  });
});
