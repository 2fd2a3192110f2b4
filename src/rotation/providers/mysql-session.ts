import { setTimeout } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { ProviderError } from '../provider.js';
import type { DatabaseLogin, DatabaseServer } from './database-server.js';
import { unreachable } from './unreachable.js';

/** Rows as objects. Values are escaped on this side: `ALTER USER` cannot be prepared. */
export type RunStatement = <Row extends object>(
  statement: string,
  values?: readonly (string | number)[],
) => Promise<readonly Row[]>;

const CONNECT_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 1000;

/** Numbers of MySQL's and MariaDB's errors that are told apart. */
export const MYSQL_ERRORS = {
  accessDenied: 1045,
  killDenied: 1095,
  noSuchThread: 1094,
  privilegeMissing: 1227,
  cannotUser: 1396,
} as const;

const REFUSED_LOGIN = new Map<number, string>([
  [1044, 'may not use the database'],
  [1045, 'was refused: the password is another one, or no account fits this address'],
  [1049, 'finds no such database'],
  [1862, 'has a password that has expired'],
  [3118, 'is locked'],
  [4151, 'is locked'],
]);
/** Too many connections, by the server or of one user. */
const THROTTLED: readonly number[] = [1040, 1203, 1226];
/** Lock timeout, deadlock, read-only, no resources. */
const PASSING: readonly number[] = [1205, 1213, 1290, 1836, 1037, 1041, 3100];

/**
 * Logs in, does `work`, and logs out. The server has proved by its certificate who it is, or is on loopback. Throws
 * `ProviderError`: one with the server's own word has it as its cause (`errorNumberOf`), and a statement whose answer
 * did not come is `lost`.
 */
export async function withMysql<Result>(
  server: DatabaseServer,
  login: DatabaseLogin,
  signal: AbortSignal,
  work: (run: RunStatement) => Promise<Result>,
  lost: 'unknown' | 'unavailable' = 'unavailable',
): Promise<Result> {
  const connection = await connect(server, login, signal);
  // Errors of an idle connection: the next statement tells.
  connection.on('error', () => undefined);
  const abort = (): void => connection.destroy();
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) throw unreachable(server, undefined);
    return await work(async (statement, values = []) => {
      try {
        const [rows] = await connection.query(statement, [...values]);
        return (Array.isArray(rows) ? rows : []) as never;
      } catch (error) {
        throw statementFailure(error, server, lost);
      }
    });
  } finally {
    // Gracefully, so that no session of ours is seen afterwards; not for longer than a living server takes.
    const late = setTimeout(END_TIMEOUT_MS, undefined, { ref: false });
    await Promise.race([connection.end(), late]).catch(() => undefined);
    signal.removeEventListener('abort', abort);
    connection.destroy();
  }
}

async function connect(
  server: DatabaseServer,
  login: DatabaseLogin,
  signal: AbortSignal,
): Promise<Connection> {
  const { createConnection } = await import('mysql2/promise');
  const connecting = createConnection({
    host: server.host,
    port: server.port,
    user: login.user,
    password: login.password,
    database: server.database,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(server.tls && {
      ssl: {
        rejectUnauthorized: true,
        verifyIdentity: true,
        minVersion: 'TLSv1.2',
        ...(server.ca !== undefined && { ca: server.ca }),
      },
    }),
  });
  // Nothing is asked of a connection that comes too late.
  const letGo = (): void => void connecting.then((late) => late.destroy()).catch(() => undefined);
  let giveUp: (error: ProviderError) => void = () => undefined;
  const over = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  const abort = (): void => {
    giveUp(unreachable(server, undefined));
    letGo();
  };
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([connecting, over]);
  } catch (error) {
    throw error instanceof ProviderError ? error : loginFailure(error, server, login.user);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The number of the error that the server has answered with; undefined when it has not. */
export function errorNumberOf(error: unknown): number | undefined {
  const said = error instanceof ProviderError ? error.cause : error;
  if (typeof said !== 'object' || said === null) return undefined;
  const { errno, sqlState } = said as { readonly errno?: unknown; readonly sqlState?: unknown };
  // What fails on this side of the connection has no SQLSTATE.
  return typeof errno === 'number' && typeof sqlState === 'string' ? errno : undefined;
}

function loginFailure(error: unknown, server: DatabaseServer, user: string): ProviderError {
  const number = errorNumberOf(error);
  if (number === undefined) return unreachable(server, error);
  const refusal = REFUSED_LOGIN.get(number);
  if (refusal !== undefined) {
    return new ProviderError('refused', `The login "${user}" ${refusal} (${number}).`, {
      whatToDo: `Look at the account with SHOW CREATE USER, and whether someone changed the password of "${user}" by hand.`,
      cause: error,
    });
  }
  if (THROTTLED.includes(number)) {
    return new ProviderError('throttled', `The server has no connection left for "${user}".`, {
      whatToDo: 'Raise max_connections or the limit of the account, or close connections.',
      cause: error,
    });
  }
  return new ProviderError('unavailable', `The server takes no login now (${number}).`, {
    whatToDo: "Look at the server's log.",
    cause: error,
  });
}

function statementFailure(
  error: unknown,
  server: DatabaseServer,
  lost: 'unknown' | 'unavailable',
): ProviderError {
  const number = errorNumberOf(error);
  // 1053: the server is shutting down; 1927, 3169: the session was ended.
  if (number === undefined || [1053, 1927, 3169].includes(number)) {
    const { message, whatToDo } = unreachable(server, error);
    return new ProviderError(lost, message, { whatToDo, cause: error });
  }
  const isPassing = PASSING.includes(number);
  return new ProviderError(
    isPassing ? 'unavailable' : 'refused',
    `The server ${isPassing ? 'cannot do it now' : 'refused a statement'} (${number}).`,
    { whatToDo: "Look at the server's log.", cause: error },
  );
}
