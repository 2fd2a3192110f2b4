import type { AlertFinding } from '../core/index.js';

export const REFUSALS_WINDOW_MS = 10 * 60_000;
/** So many refusals within the window count as repeated. */
export const REPEATED_REFUSALS = 10;
/** Of tokens that no client has: a scan of the network now and then is no matter. */
export const UNKNOWN_TOKENS = 100;
/** Fewer than this share of the requests may be the doing of single requests (a token of a user's own). */
const LEAST_SHARE = 0.1;

/** Where a credential is used. */
export interface VersionOnRoute {
  readonly secretId: string;
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly route: string;
}

/** Whether refusals within the window are worth a person's time, among the requests that were counted with them. */
export function isRepeated({ refused, requests }: { refused: number; requests: number }): boolean {
  return refused >= REPEATED_REFUSALS && refused >= LEAST_SHARE * requests;
}

/** What to say of an upstream that refuses a credential again and again; `count` since it was last said. */
export function reportUpstreamRefusals(
  { secretId, secret, environment, version, route }: VersionOnRoute,
  count: number,
  nowMs: number,
): AlertFinding {
  return {
    kind: 'credential_refused',
    subject: `${secretId} ${environment} ${version} ${route}`,
    urgency: 'urgent',
    secretId,
    secret,
    environment,
    version,
    route,
    summary: `The upstream of route "${route}" refuses version ${version} of ${secret} in ${environment} again and again.`,
    whatToDo:
      'Look at who is refused since when; if the key was revoked or has ended at its issuer, bring in a new one.',
    command: `keyferry secrets show ${secret}`,
    sinceMs: nowMs,
    count,
  };
}

/** What to say of a client whose token is refused again and again. */
export function reportClientRefusals(
  client: { readonly id: string; readonly name: string; readonly environment: string },
  count: number,
  nowMs: number,
): AlertFinding {
  return {
    kind: 'credential_refused',
    subject: `client ${client.id}`,
    urgency: 'warning',
    environment: client.environment,
    client: client.name,
    summary: `Requests with a token of the client "${client.name}" are refused again and again.`,
    whatToDo:
      'See whether the client was revoked, has expired or comes from another network; where an old token is still in use, replace it.',
    command: 'keyferry clients list',
    sinceMs: nowMs,
    count,
  };
}

/** What to say of tokens that belong to no client. One alert for all: they can be made up without end. */
export function reportUnknownTokens(count: number, nowMs: number): AlertFinding {
  return {
    kind: 'credential_refused',
    subject: 'unknown tokens',
    urgency: 'warning',
    summary: 'Requests with tokens that belong to no client come again and again.',
    whatToDo:
      'Look in the decision log for client_unauthenticated: an app with a token of another installation, or somebody who guesses.',
    command: 'keyferry clients list',
    sinceMs: nowMs,
    count,
  };
}
