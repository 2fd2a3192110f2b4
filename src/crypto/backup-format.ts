import { AppError, type PassphraseParameters } from '../core/index.js';
import { sodium } from './sodium.js';

/**
 * A backup file: the magic line, the header's length (32 bits, big-endian), the header as JSON, libsodium's
 * secretstream header, then pieces of `PLAIN_PIECE_BYTES` plus the stream's own overhead each; only the last
 * is marked final, so that a file cut at any place does not restore. The header is bound to every piece.
 */
export const MAGIC = Buffer.from('KEYFERRY-BACKUP-1\n', 'latin1');
export const PLAIN_PIECE_BYTES = 64 * 1024;
export const SEALED_PIECE_BYTES =
  PLAIN_PIECE_BYTES + sodium.crypto_secretstream_xchacha20poly1305_ABYTES;
export const STREAM_HEADER_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES;
const MAXIMUM_HEADER_BYTES = 4096;

/** What can be read of a backup without its root key. */
export interface BackupHeader {
  readonly format: 'keyferry-backup';
  readonly rootKeyId: string;
  readonly databaseId: string;
  readonly createdAtMs: number;
  /** Where the root key comes from a passphrase. */
  readonly passphrase?: PassphraseParameters | undefined;
}

/** The first bytes of a backup file up to the encrypted part. */
export function encodePreamble(header: BackupHeader): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.byteLength);
  return Buffer.concat([MAGIC, length, json]);
}

/** Length of the header's JSON, from the magic line and the four bytes after it. */
export function headerLength(start: Uint8Array): number {
  const bytes = Buffer.from(start);
  const known = bytes.subarray(0, MAGIC.byteLength).equals(MAGIC);
  const length =
    known && bytes.byteLength >= MAGIC.byteLength + 4 ? bytes.readUInt32BE(MAGIC.byteLength) : 0;
  if (length === 0 || length > MAXIMUM_HEADER_BYTES) {
    throw invalid('it does not begin as a backup does');
  }
  return length;
}

export function decodeHeader(json: Uint8Array): BackupHeader {
  let header: BackupHeader;
  try {
    header = JSON.parse(Buffer.from(json).toString('utf8')) as BackupHeader;
  } catch {
    throw invalid('its header is damaged');
  }
  if (header?.format !== 'keyferry-backup' || typeof header.rootKeyId !== 'string') {
    throw invalid('its header is damaged');
  }
  return header;
}

export function invalid(why: string): AppError {
  return new AppError('backup_invalid', `The file is not a complete backup: ${why}.`);
}
