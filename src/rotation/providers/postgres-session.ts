import type { Client } from 'pg';
import { ProviderError } from '../provider.js';
import type { DatabaseLogin, DatabaseServer } from './database-server.js';
import { unreachable } from './unreachable.js';

/** Rows as objects; one statement each. */
export type RunStatement = <Row extends object>(
  statement: string,
  values?: readonly unknown[],
) => Promise<readonly Row[]>;

const CONNECT_TIMEOUT_MS = 10_000;
/** The extended protocol takes no second statement behind a semicolon. */
const ONE_STATEMENT = { queryMode: 'extended' };

/**
 * Logs in, does `work`, and logs out. The password is proved by SCRAM alone: it is never sent, whatever the server asks
 * for, and a server that does not ask for it is refused. Throws `ProviderError`: one with the server's own word has it as
 * its cause (`sqlStateOf`), and a statement whose answer did not come is `lost`.
 */
export async function withPostgres<Result>(
  server: DatabaseServer,
  login: DatabaseLogin,
  signal: AbortSignal,
  work: (run: RunStatement) => Promise<Result>,
  lost: 'unknown' | 'unavailable' = 'unavailable',
): Promise<Result> {
  if (signal.aborted) throw unreachable(server, undefined);
  const { default: pg } = await import('pg');
  let asked: 'scram' | 'other' | undefined;
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: server.database,
    user: login.user,
    password: () => {
      if (asked === 'other') throw new Error('only SCRAM is answered');
      return login.password;
    },
    // Said in full: what is left out is taken from PG* variables of the environment.
    ssl: server.tls && (server.ca === undefined ? true : { ca: server.ca }),
    sslnegotiation: 'postgres',
    enableChannelBinding: server.tls,
    options: '',
    application_name: 'keyferry',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  // Before `connect` these come first: ahead of the client's own, which would answer.
  client.connection.on('authenticationCleartextPassword', () => {
    asked = 'other';
  });
  client.connection.on('authenticationMD5Password', () => {
    asked = 'other';
  });
  client.connection.on('authenticationSASLFinal', () => {
    asked = 'scram';
  });
  const abort = (): void => void client.connection.stream.destroy();
  signal.addEventListener('abort', abort);
  try {
    await connect(client, server, login.user, () => asked);
    return await work(async (statement, values = []) => {
      try {
        return (await client.query({ text: statement, values: [...values], ...ONE_STATEMENT }))
          .rows;
      } catch (error) {
        throw statementFailure(error, server, lost);
      }
    });
  } finally {
    await client.end().catch(() => undefined);
    signal.removeEventListener('abort', abort);
  }
}

async function connect(
  client: Client,
  server: DatabaseServer,
  user: string,
  asked: () => 'scram' | 'other' | undefined,
): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    throw asked() === 'other' ? notScram(user, error) : loginFailure(error, server, user);
  }
  if (asked() === 'scram') return;
  throw notScram(user);
}

function notScram(user: string, cause?: unknown): ProviderError {
  return new ProviderError(
    'refused',
    `The server does not ask "${user}" for its password by SCRAM-SHA-256, so nothing tells whether the password is right.`,
    {
      whatToDo:
        'In pg_hba.conf use the method scram-sha-256 for it (not trust, password, md5 of an MD5 hash, ldap or peer).',
      cause,
    },
  );
}

/** The SQLSTATE that the server has answered with; undefined when it has not. */
export function sqlStateOf(error: unknown): string | undefined {
  const said = error instanceof ProviderError ? error.cause : error;
  if (typeof said !== 'object' || said === null) return undefined;
  const { code, severity } = said as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}

function loginFailure(error: unknown, server: DatabaseServer, user: string): ProviderError {
  const state = sqlStateOf(error);
  const options = { cause: error };
  switch (state) {
    case undefined:
      return unreachable(server, error);
    case '28P01':
      return new ProviderError('refused', `The server refused the password of "${user}".`, {
        ...options,
        whatToDo: `Look whether someone changed the password of "${user}" by hand.`,
      });
    case '28000':
      return new ProviderError('refused', `The server does not let "${user}" log in (28000).`, {
        ...options,
        whatToDo: `Look at the role (LOGIN, VALID UNTIL, CONNECTION LIMIT) and at pg_hba.conf: it needs a line for "${user}" from this address with the method scram-sha-256.`,
      });
    case '3D000':
    case '42501':
      return new ProviderError(
        'refused',
        `"${user}" cannot connect to the database "${server.database}" (${state}).`,
        {
          ...options,
          whatToDo: `Look whether the database exists, and GRANT CONNECT on it to "${user}" or its owner role.`,
        },
      );
    case '53300':
      return new ProviderError('throttled', `The server has no connection left for "${user}".`, {
        ...options,
        whatToDo: 'Raise max_connections or the CONNECTION LIMIT, or close connections.',
      });
    default:
      return new ProviderError('unavailable', `The server takes no login now (${state}).`, {
        ...options,
        whatToDo: "Look at the server's log.",
      });
  }
}

/** Serialization, deadlock, lock timeout, no resources, a standby, a row that two have changed at once. */
const PASSING = /^(?:40|53|55P03|25006|XX000)/;

function statementFailure(
  error: unknown,
  server: DatabaseServer,
  lost: 'unknown' | 'unavailable',
): ProviderError {
  const state = sqlStateOf(error);
  if (state === undefined || /^(?:57P|08)/.test(state)) {
    const { message, whatToDo } = unreachable(server, error);
    return new ProviderError(lost, message, { whatToDo, cause: error });
  }
  const isPassing = PASSING.test(state);
  return new ProviderError(
    isPassing ? 'unavailable' : 'refused',
    `The server ${isPassing ? 'cannot do it now' : 'refused a statement'} (SQLSTATE ${state}).`,
    { whatToDo: "Look at the server's log, which holds no password.", cause: error },
  );
}
