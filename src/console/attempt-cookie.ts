import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Clock, Tokens } from '../core/index.js';
import { OIDC_PATH } from './openid-connect.js';

/** From the button to the way back: somebody may have to find their phone. */
const ATTEMPT_LASTS_MS = 10 * 60_000;

/** What a browser that went to the provider must have with it when it comes back. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636 section 4.1. */
  readonly verifier: string;
  /** Where to go then. */
  readonly returnPath: string;
}

interface KeptAttempt extends Attempt {
  readonly untilMs: number;
}

/**
 * Keeps attempts with the browsers that make them: whoever only asks costs nothing here, and each server of a shared
 * database knows them. `SameSite=Lax`, as the way back comes from another site. Over TLS no other host can set it
 * (`__Host-`, which is for all paths).
 */
export interface AttemptCookie {
  read(context: Context): Attempt | undefined;
  write(context: Context, attempt: Attempt): void;
  clear(context: Context): void;
}

export function createAttemptCookie(
  secure: boolean,
  { tokens, clock }: { tokens: Tokens; clock: Clock },
): AttemptCookie {
  const name = secure ? '__Host-keyferry_sign_in' : 'keyferry_sign_in';
  const path = secure ? '/' : OIDC_PATH;
  const options = { path, httpOnly: true, sameSite: 'Lax', secure } as const;
  return {
    read(context) {
      const text = tokens.stamped(getCookie(context, name) ?? '');
      if (text === undefined) return undefined;
      const { untilMs, ...attempt } = JSON.parse(text) as KeptAttempt;
      return clock.now() < untilMs ? attempt : undefined;
    },
    write(context, attempt) {
      const kept: KeptAttempt = { ...attempt, untilMs: clock.now() + ATTEMPT_LASTS_MS };
      const maxAge = ATTEMPT_LASTS_MS / 1000;
      setCookie(context, name, tokens.stamp(JSON.stringify(kept)), { ...options, maxAge });
    },
    clear: (context) => {
      deleteCookie(context, name, options);
    },
  };
}
