import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { CheckFinding } from '../../core/index.js';
import { credentialOf } from '../credential-of.js';
import type {
  KeyCall,
  MintCall,
  Minted,
  MintingPlan,
  Provider,
  ProviderCall,
} from '../provider.js';
import { ProviderError } from '../provider.js';
import { providerSecret } from '../provider-secret.js';
import { textOf } from '../secret-text.js';
import { checkPostgres } from './check-postgres.js';
import { databaseServerFields, loginName, problemsOfPair } from './database-server.js';
import { NO_KEY, withMark } from './login-key.js';
import {
  findByMark,
  keyIsGone,
  mintedLogin,
  planPassword,
  requireBoth,
  requireIdle,
  requireUnused,
  takeTurns,
} from './login-pair.js';
import { pairedProvider } from './paired-provider.js';
import { changeRole, endSessions, type PostgresRole, readRoles } from './postgres-roles.js';
import { type RunStatement, withPostgres } from './postgres-session.js';
import { scramVerifier } from './scram-verifier.js';
import { tryPostgresLogin } from './try-postgres-login.js';

const config = z
  .strictObject({
    ...databaseServerFields,
    port: z.int().min(1).max(65535).default(5432).meta({ description: 'Port of the server' }),
    database: z.string().min(1).max(63).meta({ description: 'Where both roles log in' }),
    admin: loginName('The role that Keyferry changes the two with'),
    adminPassword: providerSecret('Its password'),
    logins: z
      .tuple([loginName('A login role'), loginName('The other one')])
      .meta({ description: 'Two login roles of the same rights, used in turn' }),
    owner: loginName('The role that owns the objects; both login roles are members of it'),
    testStatement: z.string().min(1).max(4000).optional().meta({
      description:
        'Tried with each new password, in a transaction that is rolled back; by default a temporary table is made, written and read',
    }),
  })
  .superRefine((value, context) => {
    for (const [field, message] of problemsOfPair(value)) {
      context.addIssue({ code: 'custom', path: [field], message });
    }
  });
export type PostgresConfig = z.output<typeof config>;

/** What a new password is made of; sealed before anything is changed at the server. */
interface Material {
  readonly login: string;
  readonly password: string;
  readonly salt: string;
  /** The role's comment as it was found. */
  readonly comment: string | null;
}

/**
 * PostgreSQL: two login roles under one owner role, used in turn. The idle one gets a password that is chosen here, as
 * a SCRAM verifier, so that no statement holds it.
 */
export const postgres: Provider<PostgresConfig> = {
  id: 'postgres',
  title: 'PostgreSQL',
  summary: 'Two login roles under one owner role take turns; the idle one gets a new password.',
  config,
  ...pairedProvider,

  async check(call): Promise<readonly CheckFinding[]> {
    return checkPostgres(call, (work) => asAdmin(call, work));
  },

  async plan(call): Promise<MintingPlan> {
    const { logins, owner } = call.config;
    const roles = await asAdmin(call, (run) => readRoles(run, logins, owner));
    const { inUse, idle } = takeTurns(call, requireBoth(call.config, roles));
    requireNoSuperuser(idle);
    requireIdle(idle, `ALTER ROLE "${idle.login}" NOLOGIN`);
    const material: Material = {
      login: idle.login,
      password: randomBytes(32).toString('base64url'),
      salt: randomBytes(16).toString('base64'),
      comment: idle.comment,
    };
    return planPassword(roles, inUse, material);
  },

  async mint(call: MintCall<PostgresConfig>): Promise<Minted> {
    if (call.material === undefined) throw new Error('there is no material');
    const { login, password, salt, comment } = JSON.parse(textOf(call.material)) as Material;
    const verifier = scramVerifier(password, Buffer.from(salt, 'base64'));
    const marked = withMark(comment, call.stepId);
    await asAdmin(
      call,
      (run) =>
        changeRole(run, login, {
          // As it was planned, or as this minting has left it before it was cut off.
          from: [{ comment, canLogin: false }, { comment: marked }],
          attributes: `LOGIN PASSWORD '${verifier}'`,
          comment: marked,
        }),
      'unknown',
    );
    return mintedLogin({ login, mark: call.stepId }, password);
  },

  verify: ({ config, signal }, { value }) => tryPostgresLogin(config, value, signal),

  async lastUsedAtMs(call): Promise<number | undefined> {
    return asAdmin(call, async (run) => {
      const role = await findKey(call, run);
      return role === undefined || role.sessionCount === 0 ? undefined : call.clock.now();
    });
  },

  async disable(call): Promise<void> {
    await asAdmin(call, async (run) => {
      const role = await findKey(call, run);
      if (role === undefined) return;
      if (role.canLogin) {
        requireUnused(call, role);
        await changeRole(run, role.login, {
          from: [role],
          attributes: 'NOLOGIN',
          comment: role.comment,
        });
      }
      if (call.cutOff) await endSessions(run, role.login);
    });
  },

  async enable(call): Promise<void> {
    await asAdmin(call, async (run) => {
      const role = await findKey(call, run);
      if (role === undefined) throw keyIsGone();
      if (role.canLogin) return;
      await changeRole(run, role.login, {
        from: [role],
        attributes: 'LOGIN',
        comment: role.comment,
      });
    });
  },

  async revoke(call): Promise<void> {
    await asAdmin(call, async (run) => {
      const role = await findKey(call, run);
      if (role === undefined) return;
      // Where it was disabled before, that was asked then.
      if (role.canLogin) requireUnused(call, role);
      await changeRole(run, role.login, {
        from: [role],
        attributes: 'NOLOGIN PASSWORD NULL',
        comment: withMark(role.comment, NO_KEY),
      });
      if (call.cutOff) await endSessions(run, role.login);
    });
  },
};

async function asAdmin<Result>(
  call: ProviderCall<PostgresConfig>,
  work: (run: RunStatement) => Promise<Result>,
  lost?: 'unknown',
): Promise<Result> {
  const { config, signal } = call;
  const password = credentialOf(call, 'adminPassword');
  return withPostgres(config, { user: config.admin, password }, signal, work, lost);
}

function requireNoSuperuser({ login, isSuperuser }: PostgresRole): void {
  if (!isSuperuser) return;
  throw new ProviderError('refused', `The role "${login}" is a superuser.`, {
    whatToDo: 'Use login roles that are members of an owner role, and no superusers.',
  });
}

/** The role of a key, while its password is still that key. */
async function findKey(
  call: KeyCall<PostgresConfig>,
  run: RunStatement,
): Promise<PostgresRole | undefined> {
  const { logins, owner } = call.config;
  return findByMark(call, await readRoles(run, logins, owner));
}
