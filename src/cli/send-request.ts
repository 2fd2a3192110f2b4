import type { IncomingMessage } from 'node:http';

export interface SentRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined sends none. */
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Sends one request and gives its answer as soon as its head is there; redirects are not followed. By Node's own HTTP:
 * loading `fetch` alone takes longer than a whole command should.
 */
export async function sendRequest(
  target: URL,
  { method, headers, body, signal }: SentRequest,
): Promise<IncomingMessage> {
  const { request } =
    target.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    request(target, { method, headers, signal }, resolve).on('error', reject).end(body);
  });
}
