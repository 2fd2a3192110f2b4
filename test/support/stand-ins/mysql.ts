import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createConnection } from 'mysql2/promise';
import { cachingSha2Hash, nativeHash } from '../../../src/rotation/providers/mysql-hash.js';
import {
  logInOnServer,
  type MysqlServerConnection,
  type ServerAccount,
} from '../mysql-server-login.js';
import {
  FOREIGN_WORDS,
  type ProviderStandIn,
  type StandInFault,
  type StandInKey,
} from '../provider-stand-in.js';

/** mysql2's types leave out what its server side needs. */
const { createServer } = createRequire(import.meta.url)('mysql2') as {
  createServer(): {
    readonly _server: Server;
    on(event: 'connection', listener: (connection: MysqlServerConnection) => void): void;
    listen(port: number, host: string, ready: () => void): void;
  };
};

interface Account extends ServerAccount {
  locked: boolean;
  mark: string | null;
}

interface Session {
  readonly id: number;
  readonly user: string;
  readonly connection: MysqlServerConnection;
  readonly tables: Set<string>;
}

export interface MysqlStandIn extends ProviderStandIn {
  readonly logins: { readonly a: string; readonly b: string; readonly admin: string };
  readonly adminPassword: string;
  readonly accounts: ReadonlyMap<string, { locked: boolean; hash: string }>;
  /** Every statement that came. */
  readonly statements: readonly string[];
  grants: string[];
}

const GRANTS = [
  'GRANT PROCESS, CREATE USER ON *.* TO `keyferry_admin`@`%`',
  'GRANT CONNECTION_ADMIN ON *.* TO `keyferry_admin`@`%`',
];
const VERSIONS = { mysql: '8.4.3', mariadb: '11.4.4-MariaDB' };
const LOGINS = { a: 'app_a', b: 'app_b', admin: 'keyferry_admin' };
const ACCOUNT = "'([\\w.$-]+)'@'%'";

/**
 * A server of MySQL or MariaDB with three accounts, on mysql2's own server side: the real protocol and its logins; it
 * knows the statements that the documentation names, and refuses all others.
 */
export async function startMysqlStandIn(
  product: 'mysql' | 'mariadb' = 'mysql',
): Promise<MysqlStandIn> {
  const password = (): string => randomBytes(24).toString('base64url');
  const plugin = product === 'mysql' ? 'caching_sha2_password' : 'mysql_native_password';
  const hashOf = (text: string): string =>
    product === 'mysql' ? cachingSha2Hash(text, 'abcdefghijklmnopqrst') : nativeHash(text);
  const [initialPassword, adminPassword] = [password(), password()];
  const account = (text: string, locked = false): Account => ({
    ...{ plugin, hash: hashOf(text), locked, mark: null },
  });
  const accounts = new Map([
    [LOGINS.a, account(initialPassword)],
    [LOGINS.b, account(password(), true)],
    [LOGINS.admin, account(adminPassword)],
  ]);
  const sessions = new Map<number, Session>();
  const locks = new Map<string, number>();
  const statements: string[] = [];
  const faults = new Map<StandInFault, number>();
  const take = (fault: StandInFault): boolean => {
    const left = faults.get(fault) ?? 0;
    if (left > 0) faults.set(fault, left - 1);
    return left > 0;
  };
  const idOf = (login: string): string => {
    const mark = accounts.get(login)?.mark ?? null;
    return mark === null ? login : `${login}@${mark}`;
  };
  const made: { id: string; madeBy: StandInKey['madeBy']; isGone: boolean }[] = [
    { id: LOGINS.a, madeBy: 'before', isGone: false },
  ];
  const noteGone = (login: string): void => {
    for (const key of made) if (key.id.split('@')[0] === login) key.isGone = true;
  };
  const noteMade = (login: string, madeBy: StandInKey['madeBy']): void => {
    const last = made.at(-1);
    if (last?.id === idOf(login) && last.madeBy === madeBy && !last.isGone) return;
    noteGone(login);
    made.push({ id: idOf(login), madeBy, isGone: false });
  };
  let count = 0;
  const standIn = { grants: [...GRANTS] };

  const server = createServer();
  server.on('connection', (connection) => {
    const id = ++count;
    let session: Session | undefined;
    connection.on('error', () => undefined);
    connection.stream.setNoDelay(true);
    connection.stream.on('close', () => {
      sessions.delete(id);
      for (const [name, holder] of locks) if (holder === id) locks.delete(name);
    });
    logInOnServer(connection, id, {
      version: VERSIONS[product],
      account: (user) => accounts.get(user),
      turnAway(user) {
        if (user !== LOGINS.admin) return undefined;
        if (take('wrong_credentials')) return 1045;
        if (take('throttled')) return 1040;
        return take('unavailable') ? 1053 : undefined;
      },
      refuse: (user) =>
        accounts.get(user)?.locked === true ? (product === 'mysql' ? 3118 : 4151) : undefined,
      entered(user) {
        session = { id, user, connection, tables: new Set() };
        sessions.set(id, session);
      },
    });
    connection.on('query', (statement) => {
      statements.push(statement);
      if (session === undefined) return connection.close();
      answer(session, statement)
        // Each command begins to count its packets anew.
        .then(() => {
          connection.sequenceId = 0;
        })
        .catch(() => connection.close());
    });
  });

  const rows = (
    connection: MysqlServerConnection,
    found: readonly object[],
    names: string[],
  ): void =>
    connection.writeTextResult(
      found.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
        ),
      ),
      names.map((name) => ({
        ...{ catalog: 'def', schema: '', table: '', orgTable: '', name, orgName: name },
        ...{ characterSet: 33, columnLength: 255, columnType: 253, flags: 0, decimals: 0 },
      })),
    );

  async function answer(session: Session, statement: string): Promise<void> {
    const { connection, tables, id, user } = session;
    const fail = (code: number): void =>
      connection.writeError({ code, message: `${FOREIGN_WORDS} ${code}` });
    const matched = (pattern: string): RegExpExecArray | null =>
      new RegExp(`^${pattern}$`).exec(statement);
    if (matched('SELECT VERSION\\(\\) AS version')) {
      return rows(connection, [{ version: VERSIONS[product] }], ['version']);
    }
    if (matched('START TRANSACTION|ROLLBACK')) return connection.writeOk();
    const created = matched('CREATE TEMPORARY TABLE (\\w+) \\(n INT\\)');
    if (created) {
      tables.add(created[1] ?? '');
      return connection.writeOk();
    }
    const used = matched('(?:INSERT INTO|SELECT n FROM) (\\w+)( VALUES \\(1\\))?');
    if (used) {
      if (!tables.has(used[1] ?? '')) return fail(1146);
      return used[2] === undefined ? rows(connection, [{ n: 1 }], ['n']) : connection.writeOk();
    }
    if (user !== LOGINS.admin) return fail(1064);
    const isForbidden = take('missing_permission');
    const grants = isForbidden
      ? standIn.grants.map((grant) => grant.replace(', CREATE USER', ''))
      : standIn.grants;
    const may = (right: string): boolean => grants.some((grant) => grant.includes(right));
    if (matched('SHOW GRANTS')) {
      return rows(
        connection,
        grants.map((grant) => ({ Grants: grant })),
        ['Grants'],
      );
    }
    const lock = matched("SELECT GET_LOCK\\('([^']+)', (\\d+)\\) AS held");
    if (lock) {
      const [, name = '', seconds] = lock;
      const endMs = Date.now() + Number(seconds) * 1000;
      const isFree = (): boolean => [undefined, id].includes(locks.get(name));
      while (!isFree() && Date.now() < endMs) await new Promise((done) => setTimeout(done, 20));
      if (isFree()) locks.set(name, id);
      return rows(connection, [{ held: locks.get(name) === id ? 1 : 0 }], ['held']);
    }
    const table = product === 'mysql' ? 'mysql\\.user u .*' : 'mysql\\.global_priv ';
    const read = matched(`SELECT .* FROM ${table}WHERE .*IN \\('([^']+)', '([^']+)'\\)`);
    if (read) {
      const found = [read[1] ?? '', read[2] ?? ''].flatMap((login) => {
        const one = accounts.get(login);
        return one === undefined ? [] : [{ login, locked: one.locked ? 1 : 0, mark: one.mark }];
      });
      return rows(connection, found, ['login', 'locked', 'mark']);
    }
    if (matched('SHOW PROCESSLIST')) {
      const seen = [...sessions.values()].filter((one) => may('PROCESS') || one.user === user);
      const threads = seen.map((one) => ({ Id: one.id, User: one.user, Host: '127.0.0.1:50000' }));
      return rows(connection, threads, ['Id', 'User', 'Host']);
    }
    const kill = matched('KILL CONNECTION (\\d+)');
    if (kill) {
      const target = sessions.get(Number(kill[1]));
      if (target === undefined) return fail(1094);
      if (!may('CONNECTION_ADMIN')) return fail(1095);
      target.connection.stream.destroy();
      return connection.writeOk();
    }
    const identified =
      product === 'mysql'
        ? "IDENTIFIED WITH caching_sha2_password AS '([^']+)' ACCOUNT (UN)?LOCK ATTRIBUTE '(.+)'"
        : "IDENTIFIED VIA mysql_native_password USING '([^']+)' ACCOUNT (UN)?LOCK";
    const alter = matched(`ALTER USER ${ACCOUNT} (?:${identified}|ACCOUNT (UN)?LOCK)`);
    if (!alter) return fail(1064);
    const login = alter[1] ?? '';
    const hash = alter[2];
    const unlocked = alter[3] ?? (product === 'mysql' ? alter[5] : alter[4]);
    const target = accounts.get(login);
    if (!may('CREATE USER')) return fail(1227);
    if (target === undefined) return fail(1396);
    const isRevocation = hash !== undefined && unlocked === undefined;
    if (isRevocation && take('refused_revocation')) return fail(1227);
    target.locked = unlocked === undefined;
    if (hash === undefined) return connection.writeOk();
    if (product === 'mysql') {
      if (!/^\$A\$005\$[./0-9A-Za-z]{63}$/.test(hash)) return fail(1827);
      const { keyferry } = JSON.parse((alter[4] ?? '').replaceAll('\\"', '"')) as {
        keyferry: string;
      };
      target.mark = keyferry;
    }
    target.hash = hash;
    target.cache = undefined;
    if (target.locked) noteGone(login);
    else {
      noteMade(login, 'keyferry');
      if (take('broken_key')) target.hash = hashOf(password());
      if (take('lost_answer')) return void connection.stream.destroy();
    }
    return connection.writeOk();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server._server.address() as AddressInfo;
  const sockets = new Set<Socket>();
  server._server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const logins = new Map<string, Promise<boolean>>();

  return Object.assign(standIn, {
    provider: 'mysql' as const,
    logins: LOGINS,
    adminPassword,
    accounts,
    statements,
    config: {
      host: '127.0.0.1',
      port,
      tls: false,
      database: 'app',
      admin: LOGINS.admin,
      adminPassword: 'mysql_admin',
      logins: [LOGINS.a, LOGINS.b],
    },
    providerSecrets: { mysql_admin: adminPassword },
    initial: JSON.stringify({ password: initialPassword, username: LOGINS.a }),
    fields: ['password', 'username'],
    headers: { authorization: '<<basic:key.username,key.password>>' },
    faults: [
      'lost_answer',
      'unavailable',
      'throttled',
      'broken_key',
      'refused_revocation',
      'wrong_credentials',
      'missing_permission',
    ] as const,
    async accepts({ authorization }: Readonly<Record<string, string | string[] | undefined>>) {
      const given = Buffer.from(String(authorization).replace(/^Basic /, ''), 'base64').toString();
      const [user = '', text = ''] = given.split(':');
      const found = accounts.get(user);
      if (found === undefined || found.locked) return false;
      const known = `${found.hash} ${text}`;
      const login = logins.get(known) ?? canLogin(port, user, text);
      logins.set(known, login);
      return await login;
    },
    keys(): Promise<readonly StandInKey[]> {
      return Promise.resolve(
        made.map(({ id, madeBy, isGone }) => {
          const isLocked = accounts.get(id.split('@')[0] ?? '')?.locked === true;
          return { id, madeBy, state: isGone ? 'gone' : isLocked ? 'disabled' : 'live' };
        }),
      );
    },
    fail: (fault: StandInFault, times = 1) => void faults.set(fault, times),
    addForeignKey() {
      const [login = '', idle] = [...accounts].find(([, one]) => one.locked) ?? [];
      if (idle !== undefined)
        Object.assign(idle, { locked: false, hash: hashOf('foreign'), cache: undefined });
      noteMade(login, 'other');
      return Promise.resolve(idOf(login));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server._server.close(() => resolve()));
    },
  });
}

async function canLogin(port: number, user: string, password: string): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user, password });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
