/**
 * The key of a login that is given a new password from time to time: the name of the login and, once Keyferry has made
 * its password, the mark of that minting: `app_b@0f3c…`. The mark stands in the login's comment at the server, so that
 * whoever comes late never disables, or takes the password of, a key that is another one by now.
 */
export interface LoginKey {
  readonly login: string;
  /** Undefined for a password that Keyferry has not made. */
  readonly mark: string | undefined;
}

/** Of a login whose password was taken away. */
export const NO_KEY = 'no-key';

const MARK = / ?\[keyferry ([\w-]+)\]$/;

export function keyIdOf({ login, mark }: LoginKey): string {
  return mark === undefined ? login : `${login}@${mark}`;
}

export function parseKeyId(keyId: string): LoginKey {
  const at = keyId.indexOf('@');
  if (at === -1) return { login: keyId, mark: undefined };
  return { login: keyId.slice(0, at), mark: keyId.slice(at + 1) };
}

/** The mark in a comment. */
export function markOf(comment: string | null): string | undefined {
  return comment === null ? undefined : MARK.exec(comment)?.[1];
}

/** The comment with this mark in the place of the one that it has; what people wrote before it stays. */
export function withMark(comment: string | null, mark: string): string {
  return `${(comment ?? '').replace(MARK, '')} [keyferry ${mark}]`.trimStart();
}
