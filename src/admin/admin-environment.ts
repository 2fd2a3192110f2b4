import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Admin } from '../core/index.js';

/** An admin whose token was checked, with the token as presented. */
export interface AuthenticatedAdmin {
  readonly admin: Admin;
  /** Of an admin or a session. Keys the fingerprints of idempotent requests. Never stored, shown or logged. */
  readonly token: string;
}

/** What each request of the admin app carries. */
export interface AdminEnvironment {
  /** `caller`: who it is was found out by the console. Never from the network. */
  Bindings: HttpBindings & { caller?: AuthenticatedAdmin };
  Variables: { requestId: string };
}

export type AdminContext = Context<AdminEnvironment>;
