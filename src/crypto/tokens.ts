import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  ADMIN_TOKEN_PREFIX,
  CLIENT_TOKEN_PREFIX,
  FEED_TOKEN_PREFIX,
  type MintedToken,
  SESSION_TOKEN_PREFIX,
  type SecretValue,
  type TokenKind,
  type Tokens,
} from '../core/index.js';

const ID_BYTES = 12;
/** 256 bits: not to be guessed, so a fast keyed hash is enough (no password hashing). */
const RANDOM_BYTES = 32;
/** 12 bytes are 16 base64url characters, 32 bytes are 43. */
const TOKEN = /^kf[cas]_([A-Za-z0-9_-]{16})[A-Za-z0-9_-]{43}$/;
const STAMP = /^([A-Za-z0-9_-]{1,4096})\.[A-Za-z0-9_-]{43}$/;
const FEED_TOKEN = /^kff_([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{43}$/;

const PREFIXES: Readonly<Record<TokenKind, string>> = {
  client: CLIENT_TOKEN_PREFIX,
  admin: ADMIN_TOKEN_PREFIX,
  session: SESSION_TOKEN_PREFIX,
};

/**
 * Tokens are `kfc_`, `kfa_` or `kfs_`, a public id, and 256 random bits. What is hashed is the issued string: other
 * spellings of the same bytes do not match. A feed token is `kff_`, the id
 * of what it goes with, and a keyed hash of that.
 */
export function createTokens(key: SecretValue): Tokens {
  const hash = (token: string): Buffer =>
    createHmac('sha256', key.expose()).update(token, 'utf8').digest();
  // No token begins so: what is kept of tokens says nothing about feeds and stamps.
  const feedOf = (id: string): string =>
    `${FEED_TOKEN_PREFIX}${id}.${hash(`feed of ${id}`).toString('base64url')}`;
  const stamp = (text: string): string => {
    const encoded = Buffer.from(text).toString('base64url');
    return `${encoded}.${hash(`stamp of ${encoded}`).toString('base64url')}`;
  };
  return {
    mint(kind: TokenKind): MintedToken {
      const prefix = PREFIXES[kind];
      const id = randomBytes(ID_BYTES).toString('base64url');
      const token = `${prefix}${id}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
      return { token, id, hash: new Uint8Array(hash(token)) };
    },
    idOf(token: string): string | undefined {
      return TOKEN.exec(token)?.[1];
    },
    matches(token: string, expected: Uint8Array): boolean {
      const found = hash(token);
      return found.byteLength === expected.byteLength && timingSafeEqual(found, expected);
    },
    feedOf,
    idOfFeed(token: string): string | undefined {
      const id = FEED_TOKEN.exec(token)?.[1];
      if (id === undefined) return undefined;
      return timingSafeEqual(Buffer.from(token), Buffer.from(feedOf(id))) ? id : undefined;
    },
    stamp,
    stamped(given: string): string | undefined {
      const encoded = STAMP.exec(given)?.[1];
      if (encoded === undefined) return undefined;
      const text = Buffer.from(encoded, 'base64url').toString();
      const expected = Buffer.from(stamp(text));
      const found = Buffer.from(given);
      if (found.byteLength !== expected.byteLength) return undefined;
      return timingSafeEqual(found, expected) ? text : undefined;
    },
  };
}
