import type { SecretValue } from '../../core/index.js';
import { ProviderError } from '../provider.js';
import { loginOf } from './login-pair.js';
import type { PostgresConfig } from './postgres.js';
import { sqlStateOf, withPostgres } from './postgres-session.js';

/** Logs in by a value, and reads and writes as the owner. Throws `refused` when that does not work. */
export async function tryPostgresLogin(
  config: PostgresConfig,
  value: SecretValue,
  signal: AbortSignal,
): Promise<void> {
  const login = loginOf(config, value);
  const { owner, database, testStatement } = config;
  const { escapeIdentifier } = (await import('pg')).default;
  await withPostgres(config, login, signal, async (run) => {
    const statements =
      testStatement === undefined
        ? [
            'CREATE TEMPORARY TABLE keyferry_check (n int) ON COMMIT DROP',
            'INSERT INTO keyferry_check VALUES (1)',
            'SELECT n FROM keyferry_check',
          ]
        : [testStatement];
    try {
      await run('BEGIN');
      await run(`SET LOCAL ROLE ${escapeIdentifier(owner)}`);
      for (const statement of statements) await run(statement);
      await run('ROLLBACK');
    } catch (error) {
      const state = sqlStateOf(error);
      if (!(error instanceof ProviderError) || error.failure !== 'refused') throw error;
      throw new ProviderError(
        'refused',
        `"${login.user}" logs in, but cannot work as "${owner}" in "${database}" (SQLSTATE ${state}).`,
        {
          whatToDo: `GRANT "${owner}" TO "${login.user}"; and see that "${owner}" may do what is tried: ${testStatement === undefined ? 'a temporary table (GRANT TEMPORARY ON DATABASE), or set testStatement' : 'testStatement'}.`,
          cause: error,
        },
      );
    }
  });
}
