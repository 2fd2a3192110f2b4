import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { SESSION_LASTS_MS } from '../core/index.js';

/**
 * Over TLS with the prefix `__Host-`: no other host and no plain connection can set it (RFC 6265bis, 4.1.3). Browsers
 * do not take that prefix on plain loopback, the only place where the console is served without TLS.
 */
const SECURE_NAME = '__Host-keyferry_session';
const PLAIN_NAME = 'keyferry_session';

export interface SessionCookie {
  read(context: Context): string | undefined;
  write(context: Context, token: string): void;
  clear(context: Context): void;
}

export function createSessionCookie(secure: boolean): SessionCookie {
  const name = secure ? SECURE_NAME : PLAIN_NAME;
  const options = { path: '/', httpOnly: true, sameSite: 'Strict', secure } as const;
  return {
    read: (context) => getCookie(context, name),
    write: (context, token) =>
      setCookie(context, name, token, { ...options, maxAge: SESSION_LASTS_MS / 1000 }),
    clear: (context) => {
      deleteCookie(context, name, options);
    },
  };
}
