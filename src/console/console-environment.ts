import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { SessionCredential } from '../core/index.js';
import type { Api } from './api.js';

/** Somebody who is signed in. */
export interface Visitor {
  readonly session: SessionCredential;
  /** The token in the cookie, as presented. */
  readonly token: string;
  /** Calls of the admin API as this person. */
  readonly api: Api;
}

/** What each request of the console carries. `visitor` is set on every page but those for signing in. */
export interface ConsoleEnvironment {
  Bindings: HttpBindings;
  Variables: { visitor: Visitor };
}

export type ConsoleContext = Context<ConsoleEnvironment>;
