import type { SecretValue } from '../../core/index.js';
import { ProviderError } from '../provider.js';
import { fieldsOf } from '../secret-text.js';
import { loginOf } from './login-pair.js';
import type { MysqlConfig } from './mysql.js';
import { errorNumberOf, withMysql } from './mysql-session.js';

const DEFAULT_TEST = [
  'CREATE TEMPORARY TABLE keyferry_check (n INT)',
  'INSERT INTO keyferry_check VALUES (1)',
  'SELECT n FROM keyferry_check',
];

/** Logs in by a value, and reads and writes. Throws `refused` when that does not work. */
export async function tryMysqlLogin(
  config: MysqlConfig,
  value: SecretValue,
  signal: AbortSignal,
): Promise<void> {
  const login = loginOf(config, value);
  const { database, testStatement } = config;
  await withMysql(config, login, signal, async (run) => {
    try {
      await run('START TRANSACTION');
      for (const statement of testStatement === undefined ? DEFAULT_TEST : [testStatement]) {
        await run(statement);
      }
      await run('ROLLBACK');
    } catch (error) {
      if (!(error instanceof ProviderError) || error.failure !== 'refused') throw error;
      throw new ProviderError(
        'refused',
        `"${login.user}" logs in, but cannot work in "${database}" (${errorNumberOf(error)}).`,
        {
          whatToDo: `See that it may do what is tried: ${testStatement === undefined ? 'a temporary table (GRANT CREATE TEMPORARY TABLES), or set testStatement' : 'testStatement'}.`,
          cause: error,
        },
      );
    }
  });
}

/** Whether the value's password is still that of its login, locked or not. */
export async function isStillPassword(
  config: MysqlConfig,
  value: SecretValue,
  signal: AbortSignal,
): Promise<boolean> {
  const { username = '', password = '' } = fieldsOf(value) ?? {};
  try {
    await withMysql(config, { user: username, password }, signal, () => Promise.resolve());
    return true;
  } catch (error) {
    // Only who has given the right password is told anything else.
    if (errorNumberOf(error) === 1045) return false;
    if (errorNumberOf(error) !== undefined) return true;
    throw error;
  }
}
