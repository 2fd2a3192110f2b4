import type { CheckFinding } from '../../core/index.js';
import type { ProviderCall } from '../provider.js';
import { fieldsOf } from '../secret-text.js';
import { Findings } from './findings.js';
import type { PostgresConfig } from './postgres.js';
import { readRoles } from './postgres-roles.js';
import type { RunStatement } from './postgres-session.js';
import { tryPostgresLogin } from './try-postgres-login.js';

/** Tries what a run will need, and changes nothing. */
export async function checkPostgres(
  call: ProviderCall<PostgresConfig>,
  asAdmin: (work: (run: RunStatement) => Promise<void>) => Promise<void>,
): Promise<readonly CheckFinding[]> {
  const findings = new Findings();
  const { admin, logins, database, owner } = call.config;
  const inUse = call.current === undefined ? undefined : fieldsOf(call.current)?.username;
  await findings.attempt(`log in as ${admin}`, async () => {
    await asAdmin(async (run) => {
      const may = await readPermissions(run, logins);
      findings.add(
        'alter the two login roles',
        may.alter,
        may.alter
          ? `"${admin}" may alter "${logins[0]}" and "${logins[1]}".`
          : `"${admin}" needs CREATEROLE and, from PostgreSQL 16 on: GRANT "${logins[0]}", "${logins[1]}" TO "${admin}" WITH ADMIN OPTION;`,
      );
      const roles = await readRoles(run, logins, owner);
      for (const login of logins) {
        const role = roles.find((found) => found.login === login);
        const wrong =
          role === undefined
            ? `There is no role "${login}": create it as the documentation of the provider says.`
            : role.isSuperuser
              ? `"${login}" is a superuser: use a member of the owner role.`
              : role.ownsAs
                ? login !== inUse && role.canLogin
                  ? `"${login}" is not in use here and may log in: ALTER ROLE "${login}" NOLOGIN; if nobody uses it.`
                  : undefined
                : `GRANT "${owner}" TO "${login}";`;
        findings.add(`role ${login}`, wrong === undefined, wrong ?? `A member of "${owner}".`);
      }
      findings.add(
        'end sessions in an emergency',
        may.signal,
        may.signal
          ? `"${admin}" may end sessions.`
          : `GRANT pg_signal_backend TO "${admin}"; or an emergency leaves open sessions open.`,
      );
    });
    return `To "${database}", by SCRAM-SHA-256${call.config.tls ? ' over TLS' : ''}.`;
  });
  const { current } = call;
  if (current !== undefined) {
    await findings.attempt('log in by the value in use', async () => {
      await tryPostgresLogin(call.config, current, call.signal);
      return `It reads and writes as "${owner}".`;
    });
  }
  return findings.all;
}

interface Permissions {
  readonly alter: boolean;
  readonly signal: boolean;
}

/** From PostgreSQL 16 on CREATEROLE reaches only the roles that it has the ADMIN OPTION on. */
async function readPermissions(run: RunStatement, logins: readonly string[]): Promise<Permissions> {
  const [found] = await run<Permissions>(
    `SELECT me.rolsuper OR (me.rolcreaterole AND (
          current_setting('server_version_num')::int < 160000
          OR coalesce((SELECT bool_and(pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))
            FROM pg_roles r WHERE r.rolname = ANY ($1::text[])), false))) AS alter,
        me.rolsuper OR pg_has_role('pg_signal_backend', 'USAGE') AS signal
      FROM pg_roles me WHERE me.rolname = current_user`,
    [logins],
  );
  return found ?? { alter: false, signal: false };
}
