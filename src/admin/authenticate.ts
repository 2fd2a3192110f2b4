import { type Admin, AppError, type Clock, type Store, type Tokens } from '../core/index.js';
import type { AdminContext, AuthenticatedAdmin } from './admin-environment.js';
import { AttemptLimit } from './attempt-limit.js';

const BEARER = /^Bearer +(kfa_[A-Za-z0-9_-]{1,256})$/i;
/** As long as a real hash (SHA-256), so that an unknown id costs the same comparison. */
const NO_HASH = new Uint8Array(32);

export type Authenticate = (context: AdminContext) => Promise<AuthenticatedAdmin>;

/**
 * Checks `Authorization: Bearer kfa_…`. Throws `unauthenticated`, the same for an absent, malformed, unknown,
 * expired or revoked token; and `rate_limited` instead after too many failures from one address or for one
 * token id. A valid token always passes: many people share an address.
 */
export function createAuthenticate(parts: {
  store: Store;
  tokens: Tokens;
  clock: Clock;
}): Authenticate {
  const { store, tokens, clock } = parts;
  const limit = new AttemptLimit(clock);

  return async (context) => {
    if (context.env.caller !== undefined) return context.env.caller;
    const token = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
    const id = token === undefined ? undefined : tokens.idOf(token);
    if (token !== undefined && id !== undefined) {
      const found = await store.findAdmin(id);
      const matches = tokens.matches(token, found?.tokenHash ?? NO_HASH);
      if (found !== undefined && matches && isActive(found, clock.now())) {
        const { tokenHash: _, ...admin } = found;
        return { admin, token };
      }
    }
    const waits = [limit.record(`address ${addressOf(context)}`)];
    if (id !== undefined) waits.push(limit.record(`token ${id}`));
    const retryAfterSeconds = Math.max(...waits.map((wait) => wait ?? 0));
    if (retryAfterSeconds > 0) {
      throw new AppError(
        'rate_limited',
        'Too many requests without a valid admin token. A request with a valid one is answered at any time.',
        { retryAfterSeconds },
      );
    }
    throw new AppError(
      'unauthenticated',
      'Send a valid admin token: "Authorization: Bearer kfa_…". The first one is in the file admin-token of the data folder.',
    );
  };
}

/** Whether an admin's token counts now. */
export function isActive(admin: Admin, nowMs: number): boolean {
  return admin.revokedAtMs === null && (admin.expiresAtMs === null || nowMs < admin.expiresAtMs);
}

export function addressOf(context: AdminContext): string {
  return context.env.incoming.socket.remoteAddress ?? 'unknown';
}
