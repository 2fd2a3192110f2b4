import { looksLikeName } from '../../core/index.js';
import { ProviderError } from '../provider.js';
import { markOf } from './login-key.js';
import type { PairedLogin } from './login-pair.js';
import { type RunStatement, sqlStateOf } from './postgres-session.js';

/** A login role as the server has it. */
export interface PostgresRole extends PairedLogin {
  readonly comment: string | null;
  readonly isSuperuser: boolean;
  readonly ownsAs: boolean;
}

interface RoleRow extends Omit<PostgresRole, 'mark' | 'seenAs'> {
  readonly applications: readonly string[] | null;
}

/** Those of the two that are there, in the order of `logins`. */
export async function readRoles(
  run: RunStatement,
  logins: readonly string[],
  owner: string,
): Promise<readonly PostgresRole[]> {
  const rows = await run<RoleRow>(
    `SELECT r.rolname AS login, r.rolcanlogin AS "canLogin", r.rolsuper AS "isSuperuser",
        shobj_description(r.oid, 'pg_authid') AS comment,
        coalesce((SELECT pg_has_role(r.oid, o.oid, 'MEMBER') FROM pg_roles o WHERE o.rolname = $2), false) AS "ownsAs",
        (SELECT count(*)::int FROM pg_stat_activity s WHERE s.usesysid = r.oid) AS "sessionCount",
        (SELECT array_agg(DISTINCT s.application_name) FROM pg_stat_activity s
          WHERE s.usesysid = r.oid AND s.application_name <> '') AS applications
      FROM pg_roles r WHERE r.rolname = ANY ($1::text[]) ORDER BY array_position($1::text[], r.rolname::text)`,
    [logins, owner],
  );
  return rows.map(({ applications, ...row }) => ({
    ...row,
    mark: markOf(row.comment),
    seenAs: (applications ?? []).filter(looksLikeName),
  }));
}

/** SQLSTATE of our own: the role is not the one that was found before. */
const CHANGED = 'KF001';

/** How a role must be found: its comment, and whether it may log in (left out: either way). */
export interface FoundAs {
  readonly comment: string | null;
  readonly canLogin?: boolean;
}

/**
 * Changes a role as one transaction, if it is still as one of `from` says: who comes late with another key's word
 * changes nothing. Throws `refused` where it is not, and where it may not be done.
 */
export async function changeRole(
  run: RunStatement,
  login: string,
  change: {
    readonly from: readonly FoundAs[];
    readonly attributes: string;
    readonly comment: string | null;
  },
): Promise<void> {
  const { escapeIdentifier, escapeLiteral } = (await import('pg')).default;
  const literal = (text: string | null): string => (text === null ? 'NULL' : escapeLiteral(text));
  const role = escapeIdentifier(login);
  const isAsFound = change.from
    .map(({ comment, canLogin }) => {
      const isSame = `found IS NOT DISTINCT FROM ${literal(comment)}`;
      return canLogin === undefined ? isSame : `${isSame} AND can_login = ${canLogin}`;
    })
    .join(' OR ');
  const block = `
    DECLARE found text; can_login boolean;
    BEGIN
      PERFORM set_config('lock_timeout', '5s', true);
      SELECT shobj_description(oid, 'pg_authid'), rolcanlogin INTO found, can_login
        FROM pg_roles WHERE rolname = ${literal(login)};
      IF NOT (${isAsFound}) THEN RAISE EXCEPTION USING ERRCODE = '${CHANGED}'; END IF;
      ALTER ROLE ${role} ${change.attributes};
      COMMENT ON ROLE ${role} IS ${literal(change.comment)};
    END`;
  try {
    await run(`DO ${escapeLiteral(block)}`);
  } catch (error) {
    throw explained(error, login);
  }
}

function explained(error: unknown, login: string): unknown {
  switch (sqlStateOf(error)) {
    case CHANGED:
      return new ProviderError('refused', `The role "${login}" was changed by someone else.`, {
        whatToDo: `Look at its comment (\\du+ "${login}") and at who may alter roles, then rotate again.`,
        cause: error,
      });
    case '42501':
      return new ProviderError('refused', `The admin may not alter the role "${login}" (42501).`, {
        whatToDo: `The admin needs CREATEROLE and, from PostgreSQL 16 on: GRANT "${login}" TO it WITH ADMIN OPTION. "${login}" must not be a superuser.`,
        cause: error,
      });
    case '42704':
      return new ProviderError('refused', `There is no role "${login}".`, {
        whatToDo: 'Create it as the documentation of the provider says.',
        cause: error,
      });
    default:
      return error;
  }
}

/** Ends the sessions of a role. Throws `refused` where the admin may not. */
export async function endSessions(run: RunStatement, login: string): Promise<void> {
  try {
    await run('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [login]);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    throw new ProviderError(
      'refused',
      `"${login}" can no longer log in, but the admin may not end the sessions that it has.`,
      {
        whatToDo: `As a superuser: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${login}'; and GRANT pg_signal_backend to the admin.`,
        cause: error,
      },
    );
  }
}
