import type { Admin } from './client.js';
import type { Page, PageRequest } from './page.js';
import type { ByActor } from './ports.js';

export const SESSION_ORIGINS = ['token', 'link', 'oidc'] as const;
/** How somebody signed in: an admin token, a link that `keyferry console` printed, or OpenID Connect. */
export type SessionOrigin = (typeof SESSION_ORIGINS)[number];

/** How long a session lasts at most, and without a request. */
export const SESSION_LASTS_MS = 12 * 3_600_000;
export const SESSION_IDLE_MS = 3_600_000;
/** A link is for the person who asked for it, now. */
export const SIGN_IN_LINK_LASTS_MS = 2 * 60_000;

/** The id of somebody who signed in with OpenID Connect is this and the subject, the name this and what people call them. */
export const OIDC_PREFIX = 'oidc:';

/** Somebody who is signed in at the console. */
export interface Session {
  readonly id: string;
  /** Who it acts as. One by OpenID Connect is no row of `admins`. */
  readonly admin: Admin;
  readonly origin: SessionOrigin;
  /** Of one by OpenID Connect: digest of the settings that its rights come from. */
  readonly grantedBy: string | null;
  readonly createdAtMs: number;
  /** At the latest; `SESSION_IDLE_MS` after `lastSeenAtMs` if that is sooner. */
  readonly expiresAtMs: number;
  /** To the minute. */
  readonly lastSeenAtMs: number;
}

export interface SessionCredential extends Session {
  readonly tokenHash: Uint8Array;
}

/** Whom a provider of OpenID Connect vouches for. */
export interface SignedInIdentity
  extends Pick<Admin, 'id' | 'name' | 'role' | 'environments' | 'secretPrefix'> {
  readonly grantedBy: string;
}

/** A token of a session or a link, as it is kept. */
interface KeptToken {
  readonly tokenId: string;
  readonly tokenHash: Uint8Array;
}

/** Sessions of the console; part of `Store`. Signing in and out is audited. */
export interface SessionStore {
  /**
   * Throws `unauthenticated` where the admin was revoked or has expired, or the link was used before or is too old:
   * a link is used up in the same transaction.
   */
  startSession(
    command: KeptToken &
      (
        | { origin: 'token'; adminId: string }
        | { origin: 'link'; linkId: string }
        | { origin: 'oidc'; identity: SignedInIdentity }
      ),
  ): Promise<Session>;
  /** Audits that somebody whom the provider vouches for has no role. */
  refuseSignIn(command: ByActor): Promise<void>;
  /** By the public id of its token; undefined when it ended, or its admin did. Counts as seen. */
  findSession(tokenId: string): Promise<SessionCredential | undefined>;
  /** Ended again, it is as ended as before. */
  endSession(command: ByActor & { id: string }): Promise<void>;
  /** All sessions of the admin; how many there were. */
  endSessionsOf(command: ByActor & { adminId: string }): Promise<number>;
  /** Those that have not ended, newest first. */
  listSessions(page: PageRequest): Promise<Page<Session>>;
  /** For the admin who asks. */
  createSignInLink(command: ByActor & KeptToken & { adminId: string }): Promise<void>;
  /** By the public id of its token; undefined when there is none that can still be used. */
  findSignInLink(
    tokenId: string,
  ): Promise<{ readonly id: string; readonly tokenHash: Uint8Array } | undefined>;
}
