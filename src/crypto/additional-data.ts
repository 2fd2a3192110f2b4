const LENGTH_BYTES = 4;

/**
 * Joins fields so that no two lists give the same bytes: each is its length in bytes (32 bits, big-endian)
 * and then its UTF-8. One buffer and no list of parts: it is made twice for every value that is opened.
 */
export function additionalData(fields: readonly string[]): Uint8Array {
  let size = 0;
  for (const field of fields) size += LENGTH_BYTES + Buffer.byteLength(field, 'utf8');
  const data = Buffer.alloc(size);
  let at = 0;
  for (const field of fields) {
    const length = data.write(field, at + LENGTH_BYTES, 'utf8');
    data.writeUInt32BE(length, at);
    at += LENGTH_BYTES + length;
  }
  return data;
}
