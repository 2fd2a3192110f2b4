import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  decryptBackup,
  encryptBackup,
  generateRootKey,
  Keyring,
  readBackupHeader,
} from '../../src/crypto/index.js';

const PIECE_BYTES = 64 * 1024;
const keyring = new Keyring(generateRootKey());
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-backup-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function encrypted(content: Uint8Array): Promise<Buffer> {
  const file = join(folder, 'plain');
  writeFileSync(file, content);
  const pieces: Uint8Array[] = [];
  const about = { databaseId: 'db', createdAtMs: 5 };
  for await (const piece of encryptBackup(file, keyring, about)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function decrypted(backup: Uint8Array, by = keyring): Promise<Buffer> {
  const file = join(folder, 'backup');
  writeFileSync(file, backup);
  const pieces: Uint8Array[] = [];
  for await (const piece of decryptBackup(file, by)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const refused = { code: 'backup_invalid' };

describe('a backup', () => {
  test('gives back what was put in, whatever its length', async () => {
    for (const length of [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]) {
      const content = Buffer.alloc(length, 'keyferry ');
      const backup = await encrypted(content);
      expect((await decrypted(backup)).equals(content)).toBe(true);
      expect(backup.includes('keyferry keyferry')).toBe(false);
    }
  });

  test('says what it is without its key, and names the key it needs', async () => {
    const backup = await encrypted(Buffer.from('x'));
    const other = new Keyring(generateRootKey());
    await expect(decrypted(backup, other)).rejects.toMatchObject({
      code: 'root_key_wrong',
      message: expect.stringContaining(keyring.rootKeyId),
    });
    expect(await readBackupHeader(join(folder, 'backup'))).toMatchObject({
      databaseId: 'db',
      createdAtMs: 5,
      rootKeyId: keyring.rootKeyId,
    });
  });

  test('is refused when cut anywhere, also between two pieces', async () => {
    const backup = await encrypted(Buffer.alloc(3 * PIECE_BYTES, 1));
    const sealedPiece = PIECE_BYTES + 17;
    const cuts = [1, sealedPiece, 2 * sealedPiece, 3 * sealedPiece, 3 * sealedPiece + 10];
    for (const cut of [...cuts, backup.length - 5, backup.length]) {
      await expect(decrypted(backup.subarray(0, backup.length - cut))).rejects.toMatchObject(
        refused,
      );
    }
  });

  test('is refused with pieces swapped, repeated, changed or added', async () => {
    const backup = await encrypted(Buffer.alloc(3 * PIECE_BYTES, 1));
    const size = PIECE_BYTES + 17;
    const start = backup.length - 3 * size;
    const head = backup.subarray(0, start);
    const [a, b, c] = [0, 1, 2].map((i) => backup.subarray(start + i * size).subarray(0, size));
    const orders = [
      [b!, a!, c!],
      [a!, a!, b!, c!],
      [a!, c!],
      [a!, b!, c!, c!],
    ];
    for (const order of orders) {
      await expect(decrypted(Buffer.concat([head, ...order]))).rejects.toMatchObject(refused);
    }
    for (let at = 20; at < backup.length; at += 9_973) {
      const changed = Buffer.from(backup);
      changed[at]! ^= 4;
      await expect(decrypted(changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^(backup_invalid|root_key_wrong)$/),
      });
    }
  });

  test('that is no backup is refused', async () => {
    for (const content of ['', 'KEYFERRY-BACKUP-1\n', 'SQLite format 3', 'x'.repeat(5000)]) {
      await expect(decrypted(Buffer.from(content))).rejects.toMatchObject(refused);
    }
    await expect(readBackupHeader(join(folder, 'none'))).rejects.toMatchObject(refused);
  });
});
