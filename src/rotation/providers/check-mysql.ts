import type { CheckFinding } from '../../core/index.js';
import { type ProviderCall, ProviderError } from '../provider.js';
import { fieldsOf } from '../secret-text.js';
import { Findings } from './findings.js';
import type { MysqlConfig } from './mysql.js';
import { readAccounts } from './mysql-accounts.js';
import type { RunStatement } from './mysql-session.js';
import { tryMysqlLogin } from './try-mysql-login.js';

/** Tries what a run will need, and changes nothing. */
export async function checkMysql(
  call: ProviderCall<MysqlConfig>,
  asAdmin: (work: (run: RunStatement) => Promise<void>) => Promise<void>,
): Promise<readonly CheckFinding[]> {
  const findings = new Findings();
  const { admin, logins, accountHost, database } = call.config;
  const { current } = call;
  const inUse = current === undefined ? undefined : fieldsOf(current)?.username;
  await findings.attempt(`log in as ${admin}`, async () => {
    await asAdmin(async (run) => {
      await findings.attempt('rights of the admin', async () => {
        await requireRights(run, admin);
        return 'It may alter users, see who is connected and end sessions.';
      });
      await findings.attempt('the two users', async () => {
        const { product, accounts } = await readAccounts(run, call.config);
        for (const login of logins) {
          const account = accounts.find((found) => found.login === login);
          const name = `'${login}'@'${accountHost}'`;
          if (account === undefined) {
            findings.add(
              `user ${login}`,
              false,
              `There is no ${name}: create it, or set accountHost.`,
            );
          } else if (account.canLogin && login !== inUse) {
            const detail = `${name} is not in use here and not locked: ALTER USER ${name} ACCOUNT LOCK; if nobody uses it.`;
            findings.add(`user ${login}`, false, detail);
          } else
            findings.add(`user ${login}`, true, login === inUse ? 'In use.' : 'Idle, and locked.');
        }
        return `Of a server of ${product === 'mysql' ? 'MySQL' : 'MariaDB'}.`;
      });
    });
    return `To "${database}"${call.config.tls ? ' over TLS' : ''}.`;
  });
  if (current !== undefined) {
    await findings.attempt('log in by the value in use', async () => {
      await tryMysqlLogin(call.config, current, call.signal);
      return 'It reads and writes.';
    });
  }
  return findings.all;
}

const RIGHTS = [
  ['CREATE USER', /^GRANT .*\b(?:CREATE USER|ALL PRIVILEGES)\b.* ON \*\.\* /],
  ['PROCESS', /^GRANT .*\b(?:PROCESS|ALL PRIVILEGES)\b.* ON \*\.\* /],
  ['CONNECTION_ADMIN', /^GRANT .*\b(?:CONNECTION[_ ]ADMIN|SUPER|ALL PRIVILEGES)\b.* ON \*\.\* /],
] as const;

async function requireRights(run: RunStatement, admin: string): Promise<void> {
  const rows = await run<Record<string, string>>('SHOW GRANTS');
  const grants = rows.flatMap((row) => Object.values(row));
  const missing = RIGHTS.flatMap(([name, pattern]) =>
    grants.some((grant) => pattern.test(grant)) ? [] : [name],
  );
  if (missing.length === 0) return;
  throw new ProviderError('refused', `"${admin}" lacks ${missing.join(', ')}.`, {
    whatToDo: 'Grant what the documentation of the provider says.',
  });
}
