export interface MintedToken {
  /** The whole token, shown once. */
  readonly token: string;
  readonly id: string;
  readonly hash: Uint8Array;
}

/** `session`: what a browser or a sign-in link carries. */
export type TokenKind = 'client' | 'admin' | 'session';

/** Makes and checks tokens: 256 random bits behind a public id, kept as a keyed hash. */
export interface Tokens {
  mint(kind: TokenKind): MintedToken;
  /** The public id of a well-formed token; undefined for anything else. */
  idOf(token: string): string | undefined;
  /** Compares in constant time. */
  matches(token: string, hash: Uint8Array): boolean;
  /** A feed token that goes with the token of this public id: always the same one, and of no use elsewhere. */
  feedOf(id: string): string;
  /** The public id that a feed token goes with; undefined for anything that is not one of ours. */
  idOfFeed(token: string): string | undefined;
  /** `text` with a keyed hash over it, in characters that a cookie takes: not secret, and not to be made by others. */
  stamp(text: string): string;
  /** The text of a stamp; undefined for anything that is not one of ours. */
  stamped(stamp: string): string | undefined;
}
