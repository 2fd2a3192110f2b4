import type { IncomingMessage } from 'node:http';
import { startPlainUpstream } from './plain-upstream.js';

/** An upstream that tells good credentials from others, and counts what came. */
export interface CredentialUpstream {
  readonly origin: string;
  /** Requests by the credential that they brought; `none` for those without. */
  readonly seen: ReadonlyMap<string, number>;
  /** The status for a credential; to be changed while it runs. */
  answer: (credential: string, request: IncomingMessage) => number;
}

/** Gone when the test is over. Accepts the credentials given: `Authorization: Bearer …`. */
export async function startCredentialUpstream(
  ...good: readonly string[]
): Promise<CredentialUpstream> {
  const seen = new Map<string, number>();
  const upstream: CredentialUpstream = {
    origin: await startPlainUpstream((request, response) => {
      const credential = request.headers.authorization?.replace(/^Bearer /, '') ?? 'none';
      seen.set(credential, (seen.get(credential) ?? 0) + 1);
      request.resume().on('end', () => {
        const status = upstream.answer(credential, request);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(status < 400 ? '{"ok":true}' : '{"ok":false}');
      });
    }),
    seen,
    answer: (credential) => (good.includes(credential) ? 200 : 401),
  };
  return upstream;
}
