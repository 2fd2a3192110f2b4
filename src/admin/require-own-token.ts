import { type Admin, AppError, OIDC_PREFIX } from '../core/index.js';

/** Throws `forbidden` for who has no admin token that `what` could end with. */
export function requireOwnToken({ id }: Admin, what: string): void {
  if (!id.startsWith(OIDC_PREFIX)) return;
  throw new AppError(
    'forbidden',
    `${what} goes with an admin token and ends with it. You signed in with OpenID Connect: create an admin for it.`,
  );
}
