import { createHash, hash } from 'node:crypto';

const ROUNDS = 5000;
const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** In which order SHA-crypt writes the bytes of the digest, three to a group, the last with two. */
const ORDER = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
  [31, 30],
] as const;

/**
 * What MySQL keeps of a password for `caching_sha2_password`: SHA-crypt by SHA-256 with 5000 rounds. `salt` has 20
 * characters of `./0-9A-Za-z`.
 */
export function cachingSha2Hash(password: string, salt: string): string {
  return `$A$005$${salt}${sha256Crypt(password, salt)}`;
}

/** What MariaDB keeps of a password for `mysql_native_password`. */
export function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

/** The digest of SHA-crypt (Drepper, 2008), without its head. */
export function sha256Crypt(passwordText: string, saltText: string | Uint8Array): string {
  const password = Buffer.from(passwordText);
  const salt = Buffer.from(saltText);
  const mixed = sha256([password, salt, password]);
  const first: Uint8Array[] = [password, salt, repeat(mixed, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) first.push(bits & 1 ? mixed : password);
  let digest = sha256(first);
  const p = repeat(sha256(Array(password.length).fill(password)), password.length);
  const s = repeat(sha256(Array(16 + (digest[0] ?? 0)).fill(salt)), salt.length);
  for (let round = 0; round < ROUNDS; round++) {
    const isOdd = round % 2 === 1;
    const parts: Uint8Array[] = [isOdd ? p : digest];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(isOdd ? digest : p);
    digest = sha256(parts);
  }
  return ORDER.map((group) => {
    let bits = group.reduce<number>((sum, at) => sum * 256 + (digest[at] ?? 0), 0);
    let text = '';
    for (let digit = 0; digit <= group.length; digit++) {
      text += DIGITS[bits & 63] ?? '';
      bits >>= 6;
    }
    return text;
  }).join('');
}

/** In one call: 5000 hash objects of one password were most of the time that a server stood still for it. */
function sha256(parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

function repeat(digest: Uint8Array, length: number): Buffer {
  return Buffer.alloc(length, digest);
}
