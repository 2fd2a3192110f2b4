/**
 * Joins fields so that no two lists give the same bytes: each is its length in bytes (32 bits, big-endian)
 * and then its UTF-8.
 */
export function additionalData(fields: readonly string[]): Uint8Array {
  const parts = fields.flatMap((field) => {
    const text = Buffer.from(field, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.byteLength);
    return [length, text];
  });
  return Buffer.concat(parts);
}
