import { looksLikeName } from '../../core/index.js';
import { ProviderError } from '../provider.js';
import type { PairedLogin } from './login-pair.js';
import { errorNumberOf, MYSQL_ERRORS, type RunStatement } from './mysql-session.js';

/** An account as the server has it. */
export interface MysqlAccount extends PairedLogin {
  /** Ids of the open ones. */
  readonly sessions: readonly number[];
}

/** MySQL keeps the mark of a minting with the account; MariaDB has no place for it. */
export type Product = 'mysql' | 'mariadb';

export interface Accounts {
  readonly product: Product;
  readonly accounts: readonly MysqlAccount[];
}

interface PairConfig {
  readonly logins: readonly [string, string];
  readonly accountHost: string;
}

/** Holds the two logins for one caller; it ends with the session. */
const LOCK_WAIT_SECONDS = 5;

async function productOf(run: RunStatement): Promise<Product> {
  const [found] = await run<{ version: string }>('SELECT VERSION() AS version');
  return found?.version.toLowerCase().includes('mariadb') === true ? 'mariadb' : 'mysql';
}

/** Those of the two that are there. Throws `refused` where the admin may not see what has to be seen. */
export async function readAccounts(
  run: RunStatement,
  { logins, accountHost }: PairConfig,
): Promise<Accounts> {
  const product = await productOf(run);
  if (!(await maySeeSessions(run))) {
    throw new ProviderError('refused', 'The admin may not see who is connected.', {
      whatToDo: 'GRANT PROCESS ON *.* TO it, as the documentation of the provider says.',
    });
  }
  const rows = await run<{ login: string; locked: number; mark: string | null }>(
    product === 'mysql'
      ? "SELECT u.User AS login, u.account_locked = 'Y' AS locked, a.ATTRIBUTE->>'$.keyferry' AS mark" +
          ' FROM mysql.user u LEFT JOIN information_schema.USER_ATTRIBUTES a ON a.USER = u.User AND a.HOST = u.Host' +
          ' WHERE u.Host = ? AND u.User IN (?, ?)'
      : "SELECT User AS login, COALESCE(JSON_VALUE(Priv, '$.account_locked') IN ('1', 'true'), 0) AS locked, NULL AS mark" +
          ' FROM mysql.global_priv WHERE Host = ? AND User IN (?, ?)',
    [accountHost, ...logins],
  );
  const threads = await run<{ Id: number | string; User: string; Host: string }>(
    'SHOW PROCESSLIST',
  );
  const accounts = logins.flatMap((login): readonly MysqlAccount[] => {
    const row = rows.find((found) => found.login === login);
    if (row === undefined) return [];
    const own = threads.filter(({ User }) => User === login);
    const hosts = own.map(({ Host }) => Host.replace(/:\d+$/, ''));
    return [
      {
        login,
        mark: row.mark ?? undefined,
        canLogin: Number(row.locked) === 0,
        sessions: own.map(({ Id }) => Number(Id)),
        sessionCount: own.length,
        seenAs: [...new Set(hosts)].filter(
          (host) => looksLikeName(host) || /^[0-9.:a-f]+$/.test(host),
        ),
      },
    ];
  });
  return { product, accounts };
}

/** Whether `SHOW PROCESSLIST` shows the sessions of others. */
async function maySeeSessions(run: RunStatement): Promise<boolean> {
  const grants = await run<Record<string, string>>('SHOW GRANTS');
  return grants
    .flatMap((row) => Object.values(row))
    .some((grant) => /^GRANT .*\b(?:PROCESS|ALL PRIVILEGES)\b.* ON \*\.\* /.test(grant));
}

/** Alone with the two logins: whoever else works on them waits, and gets `unavailable` in the end. */
export async function holdAccounts(run: RunStatement, logins: readonly string[]): Promise<void> {
  const name = `keyferry:${[...logins].sort().join('+')}`.slice(0, 64);
  const [found] = await run<{ held: number | null }>('SELECT GET_LOCK(?, ?) AS held', [
    name,
    LOCK_WAIT_SECONDS,
  ]);
  if (Number(found?.held) === 1) return;
  throw new ProviderError('unavailable', 'Somebody else works on the two logins.', {
    whatToDo: `Look at who holds the lock: SELECT IS_USED_LOCK('${name}');`,
  });
}

/** `change` is what follows the account in `ALTER USER`. Throws `refused` where it may not be done. */
export async function alterAccount(
  run: RunStatement,
  login: string,
  accountHost: string,
  change: { readonly text: string; readonly values?: readonly string[] },
): Promise<void> {
  try {
    await run(`ALTER USER ?@? ${change.text}`, [login, accountHost, ...(change.values ?? [])]);
  } catch (error) {
    switch (errorNumberOf(error)) {
      case MYSQL_ERRORS.privilegeMissing:
        throw new ProviderError('refused', `The admin may not alter "${login}" (1227).`, {
          whatToDo: `GRANT CREATE USER ON *.* TO the admin; "${login}" must not have SYSTEM_USER.`,
          cause: error,
        });
      case MYSQL_ERRORS.cannotUser:
        throw new ProviderError('refused', `There is no account "${login}"@"${accountHost}".`, {
          whatToDo: 'Create it as the documentation of the provider says, or set accountHost.',
          cause: error,
        });
      default:
        throw error;
    }
  }
}

/** Ends the sessions of a login. Throws `refused` where the admin may not. */
export async function endSessions(run: RunStatement, account: MysqlAccount): Promise<void> {
  for (const id of account.sessions) {
    try {
      await run('KILL CONNECTION ?', [id]);
    } catch (error) {
      const number = errorNumberOf(error);
      if (number === MYSQL_ERRORS.noSuchThread) continue;
      if (number !== MYSQL_ERRORS.killDenied && number !== MYSQL_ERRORS.privilegeMissing) {
        throw error;
      }
      throw new ProviderError(
        'refused',
        `"${account.login}" can no longer log in, but the admin may not end the sessions that it has.`,
        {
          whatToDo: `End them by hand (KILL), and GRANT CONNECTION_ADMIN ON *.* TO the admin (MariaDB: CONNECTION ADMIN).`,
          cause: error,
        },
      );
    }
  }
}
