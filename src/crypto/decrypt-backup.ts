import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../core/index.js';
import {
  type BackupHeader,
  decodeHeader,
  headerLength,
  invalid,
  MAGIC,
  SEALED_PIECE_BYTES,
  STREAM_HEADER_BYTES,
} from './backup-format.js';
import type { Keyring } from './keyring.js';
import { sodium } from './sodium.js';

/** Reads what a backup says about itself. Throws `backup_invalid`. */
export async function readBackupHeader(file: string): Promise<BackupHeader> {
  const handle = await openBackup(file);
  try {
    return decodeHeader((await readPreamble(handle)).header);
  } finally {
    await handle.close();
  }
}

/**
 * Streams the plain content of a backup. Throws `root_key_wrong` when it was made under another root key,
 * `backup_invalid` when any of it was changed, moved or cut; then what was streamed must be thrown away.
 */
export async function* decryptBackup(
  file: string,
  keyring: Keyring,
): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await openBackup(file);
  try {
    const { header, preamble } = await readPreamble(handle);
    const { rootKeyId } = decodeHeader(header);
    if (rootKeyId !== keyring.rootKeyId) {
      throw new AppError(
        'root_key_wrong',
        `The backup was made under root key ${rootKeyId}; the key given is ${keyring.rootKeyId}. After a rekey, backups made before it need the old key (master.key.old-…).`,
      );
    }
    let at = preamble.byteLength;
    const streamHeader = await readAt(handle, at, STREAM_HEADER_BYTES);
    if (streamHeader.byteLength !== STREAM_HEADER_BYTES) throw invalid('it is cut');
    at += STREAM_HEADER_BYTES;
    const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(
      streamHeader,
      keyring.backupKey(),
    );
    for (let final = false; ; at += SEALED_PIECE_BYTES) {
      const piece = await readAt(handle, at, SEALED_PIECE_BYTES);
      if (final && piece.byteLength === 0) return;
      if (final) throw invalid('something follows its end');
      if (piece.byteLength === 0) throw invalid('it is cut');
      const opened = pull(state, piece, preamble);
      final = opened.tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL;
      yield opened.message;
    }
  } finally {
    await handle.close();
  }
}

function pull(
  state: ReturnType<typeof sodium.crypto_secretstream_xchacha20poly1305_init_pull>,
  piece: Uint8Array,
  preamble: Uint8Array,
): { message: Uint8Array; tag: number } {
  if (piece.byteLength < sodium.crypto_secretstream_xchacha20poly1305_ABYTES) {
    throw invalid('it is cut');
  }
  const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, piece, preamble);
  if (opened === false) throw invalid('a piece was changed or is cut');
  return opened;
}

async function openBackup(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new AppError('backup_invalid', `The backup ${file} cannot be read.`, { cause });
  }
}

async function readPreamble(
  handle: FileHandle,
): Promise<{ header: Uint8Array; preamble: Uint8Array }> {
  const startBytes = MAGIC.byteLength + 4;
  const start = await readAt(handle, 0, startBytes);
  const length = headerLength(start);
  const header = await readAt(handle, startBytes, length);
  if (header.byteLength !== length) throw invalid('it is cut');
  return { header, preamble: Buffer.concat([start, header]) };
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytes.subarray(0, bytesRead);
}
