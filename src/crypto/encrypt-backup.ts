import { open } from 'node:fs/promises';
import { type BackupHeader, encodePreamble, PLAIN_PIECE_BYTES } from './backup-format.js';
import type { Keyring } from './keyring.js';
import { sodium } from './sodium.js';

/** Streams a file encrypted under a subkey of the root key. The format is told in `backup-format.ts`. */
export async function* encryptBackup(
  file: string,
  keyring: Keyring,
  about: Pick<BackupHeader, 'databaseId' | 'createdAtMs' | 'passphrase'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const preamble = encodePreamble({
    format: 'keyferry-backup',
    rootKeyId: keyring.rootKeyId,
    ...about,
  });
  yield preamble;
  const stream = sodium.crypto_secretstream_xchacha20poly1305_init_push(keyring.backupKey());
  yield stream.header;
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    for (let at = 0, final = false; !final; at += PLAIN_PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PLAIN_PIECE_BYTES, size - at));
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength, at);
      if (bytesRead !== piece.byteLength) throw new Error(`${file} changed while it was read`);
      final = at + PLAIN_PIECE_BYTES >= size;
      yield sodium.crypto_secretstream_xchacha20poly1305_push(
        stream.state,
        piece,
        preamble,
        final
          ? sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
          : sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
      );
    }
  } finally {
    await handle.close();
  }
}
