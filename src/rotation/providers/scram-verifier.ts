import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** PostgreSQL's own default; a generated password needs no more. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL keeps of a password (RFC 5802, RFC 7677), so that the password itself is sent in no statement. The
 * password is of printable ASCII, which SASLprep leaves as it is.
 */
export function scramVerifier(password: string, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  const saltText = Buffer.from(salt).toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${saltText}$${storedKey}:${serverKey}`;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
