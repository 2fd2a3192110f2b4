import { ProviderError } from '../provider.js';
import type { DatabaseServer } from './database-server.js';

/** No connection to a database server could be made, or it broke off: told by the code of the error alone. */
export function unreachable({ host, port }: DatabaseServer, error: unknown): ProviderError {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  const why = typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? ` (${code})` : '';
  const noTls = error instanceof Error && error.message.includes('not support SSL');
  return new ProviderError(
    'unavailable',
    noTls
      ? `The server ${host}:${port} takes no TLS.`
      : `The connection to ${host}:${port} could not be made or broke off${why}.`,
    {
      whatToDo:
        'Look whether the server runs and can be reached from here, and whether its certificate fits `host` and `ca`.',
      cause: error,
    },
  );
}
