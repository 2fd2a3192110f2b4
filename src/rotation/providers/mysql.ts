import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
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
import { fieldsOf, textOf, valueOfFields } from '../secret-text.js';
import { checkMysql } from './check-mysql.js';
import { databaseServerFields, loginName, problemsOfPair } from './database-server.js';
import { NO_KEY, parseKeyId } from './login-key.js';
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
import {
  alterAccount,
  endSessions,
  holdAccounts,
  type MysqlAccount,
  type Product,
  readAccounts,
} from './mysql-accounts.js';
import { cachingSha2Hash, nativeHash } from './mysql-hash.js';
import { type RunStatement, withMysql } from './mysql-session.js';
import { pairedProvider } from './paired-provider.js';
import { isStillPassword, tryMysqlLogin } from './try-mysql-login.js';

const config = z
  .strictObject({
    ...databaseServerFields,
    port: z.int().min(1).max(65535).default(3306).meta({ description: 'Port of the server' }),
    database: z.string().min(1).max(64).meta({ description: 'Where all three log in' }),
    admin: loginName('The user that Keyferry changes the two with'),
    adminPassword: providerSecret('Its password'),
    logins: z
      .tuple([loginName('A user'), loginName('The other one')])
      .meta({ description: 'Two users of the same rights, used in turn' }),
    accountHost: z
      .string()
      .regex(/^[A-Za-z0-9.%_:/-]{1,255}$/, 'the host part of an account is expected')
      .default('%')
      .meta({ description: 'Host part of the two accounts' }),
    testStatement: z.string().min(1).max(4000).optional().meta({
      description:
        'Tried with each new password, in a transaction that is rolled back; by default a temporary table is made, written and read',
    }),
  })
  .superRefine((value, context) => {
    const problems = [...problemsOfPair(value)];
    if (value.tls && isIP(value.host) !== 0) {
      problems.push(['host', 'must be a name with TLS: the certificate is checked against it']);
    }
    for (const [field, message] of problems) {
      context.addIssue({ code: 'custom', path: [field], message });
    }
  });
export type MysqlConfig = z.output<typeof config>;

/** What a new password is made of; sealed before anything is changed at the server. */
interface Material {
  readonly login: string;
  readonly password: string;
  readonly salt: string;
  /** The mark of the login as it was found. */
  readonly mark: string | undefined;
}

/**
 * MySQL and MariaDB: two users, used in turn. The idle one gets a password that is chosen here, as the hash that the
 * server keeps, so that no statement holds it.
 */
export const mysql: Provider<MysqlConfig> = {
  id: 'mysql',
  title: 'MySQL, MariaDB',
  summary: 'Two users of the same rights take turns; the idle one gets a new password.',
  config,
  ...pairedProvider,

  async check(call): Promise<readonly CheckFinding[]> {
    return checkMysql(call, (work) => asAdmin(call, work));
  },

  async plan(call): Promise<MintingPlan> {
    const { accounts } = await asAdmin(call, (run) => readAccounts(run, call.config));
    const { inUse, idle } = takeTurns(call, requireBoth(call.config, accounts));
    requireIdle(idle, `ALTER USER '${idle.login}'@'${call.config.accountHost}' ACCOUNT LOCK`);
    const material: Material = {
      login: idle.login,
      password: randomBytes(32).toString('base64url'),
      salt: newSalt(),
      mark: idle.mark,
    };
    return planPassword(accounts, inUse, material);
  },

  async mint(call: MintCall<MysqlConfig>): Promise<Minted> {
    if (call.material === undefined) throw new Error('there is no material');
    const material = JSON.parse(textOf(call.material)) as Material;
    const { login, password } = material;
    const value = valueOfFields({ username: login, password });
    const product = await asAdmin(
      call,
      async (run) => {
        await holdAccounts(run, call.config.logins);
        const { product, accounts } = await readAccounts(run, call.config);
        const found = accounts.find((account) => account.login === login);
        const isAsPlanned = found?.mark === material.mark && found?.canLogin === false;
        // Or as this minting has left it before it was cut off.
        const isOurs =
          product === 'mysql'
            ? found?.mark === call.stepId
            : !isAsPlanned && (await isStillPassword(call.config, value, call.signal));
        if (!isAsPlanned && !isOurs) throw changedMeanwhile(login);
        const change = passwordChange(product, material, call.stepId, 'UNLOCK');
        await alterAccount(run, login, call.config.accountHost, change);
        return product;
      },
      'unknown',
    );
    return mintedLogin({ login, mark: product === 'mysql' ? call.stepId : undefined }, password);
  },

  verify: ({ config, signal }, { value }) => tryMysqlLogin(config, value, signal),

  async lastUsedAtMs(call): Promise<number | undefined> {
    let isConnected = false;
    await withKey(call, ({ account }) => {
      isConnected = account.sessionCount > 0;
    });
    return isConnected ? call.clock.now() : undefined;
  },

  async disable(call): Promise<void> {
    await withKey(call, async ({ account }, run) => {
      if (account.canLogin) {
        requireUnused(call, account);
        await alterAccount(run, account.login, call.config.accountHost, { text: 'ACCOUNT LOCK' });
      }
      if (call.cutOff) await endSessions(run, account);
    });
  },

  async enable(call): Promise<void> {
    const isThere = await withKey(call, async ({ account }, run) => {
      if (account.canLogin) return;
      await alterAccount(run, account.login, call.config.accountHost, { text: 'ACCOUNT UNLOCK' });
    });
    if (!isThere) throw keyIsGone();
  },

  async revoke(call): Promise<void> {
    await withKey(call, async ({ account, product }, run) => {
      // Where it was disabled before, that was asked then.
      if (account.canLogin) requireUnused(call, account);
      const nobodys = { password: randomBytes(32).toString('base64url'), salt: newSalt() };
      const change = passwordChange(product, nobodys, NO_KEY, 'LOCK');
      await alterAccount(run, account.login, call.config.accountHost, change);
      if (call.cutOff) await endSessions(run, account);
    });
  },
};

async function asAdmin<Result>(
  call: ProviderCall<MysqlConfig>,
  work: (run: RunStatement) => Promise<Result>,
  lost?: 'unknown',
): Promise<Result> {
  const { config, signal } = call;
  const password = credentialOf(call, 'adminPassword');
  return withMysql(config, { user: config.admin, password }, signal, work, lost);
}

/** Characters of SHA-crypt alone: the hash is then a text without anything to escape. */
function newSalt(): string {
  return randomBytes(15).toString('base64').replaceAll('+', '.');
}

function passwordChange(
  product: Product,
  { password, salt }: Pick<Material, 'password' | 'salt'>,
  mark: string,
  lock: 'LOCK' | 'UNLOCK',
): { readonly text: string; readonly values: readonly string[] } {
  return product === 'mysql'
    ? {
        text: `IDENTIFIED WITH caching_sha2_password AS ? ACCOUNT ${lock} ATTRIBUTE ?`,
        values: [cachingSha2Hash(password, salt), JSON.stringify({ keyferry: mark })],
      }
    : {
        text: `IDENTIFIED VIA mysql_native_password USING ? ACCOUNT ${lock}`,
        values: [nativeHash(password)],
      };
}

function changedMeanwhile(login: string): ProviderError {
  return new ProviderError('refused', `The login "${login}" was changed by someone else.`, {
    whatToDo: 'Look at who may alter users, then rotate again.',
  });
}

/** Does `work`, alone with the logins, while the account's password is still the key; false where it is not. */
async function withKey(
  call: KeyCall<MysqlConfig>,
  work: (
    key: { readonly account: MysqlAccount; readonly product: Product },
    run: RunStatement,
  ) => Promise<void> | void,
): Promise<boolean> {
  const { config } = call;
  return asAdmin(call, async (run) => {
    await holdAccounts(run, config.logins);
    const { accounts, product } = await readAccounts(run, config);
    const account =
      product === 'mysql' ? findByMark(call, accounts) : await findByPassword(call, accounts);
    if (account === undefined) return false;
    await work({ account, product }, run);
    return true;
  });
}

/** Without marks: the login of the key, where its password still fits; of a minting without an id the one not in use. */
async function findByPassword(
  { config, keyId, because, value, current, signal }: KeyCall<MysqlConfig>,
  accounts: readonly MysqlAccount[],
): Promise<MysqlAccount | undefined> {
  if (keyId === null && value === undefined) {
    if (because !== 'taken_back') return undefined;
    const inUse = current === undefined ? config.logins[1] : fieldsOf(current)?.username;
    return config.logins.some((login) => login === inUse)
      ? accounts.find(({ login }) => login !== inUse)
      : undefined;
  }
  if (value !== undefined && !(await isStillPassword(config, value, signal))) return undefined;
  const { login: name } = parseKeyId(keyId ?? (value && fieldsOf(value)?.username) ?? '');
  return accounts.find(({ login }) => login === name);
}
