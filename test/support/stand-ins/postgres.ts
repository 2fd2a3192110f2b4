import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../postgres-server.js';
import {
  errorResponse,
  isSslRequest,
  MessageCutter,
  READY,
  statementOf,
  userOf,
} from '../postgres-wire.js';
import type { ProviderStandIn, StandInFault, StandInKey } from '../provider-stand-in.js';

const PAGE = fileURLToPath(new URL('../../../docs/providers/postgres.md', import.meta.url));

/** The statements of the documentation's page, for this version of the server. */
export function statementsOfPage(majorVersion: number): readonly string[] {
  return [...readFileSync(PAGE, 'utf8').matchAll(/^```sql\n([\s\S]*?)^```$/gm)]
    .map((match) => match[1] ?? '')
    .filter((block) => majorVersion >= 16 || !block.includes('PostgreSQL 16'))
    .flatMap((block) => block.replace(/^--.*$/gm, '').split(';'))
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

export interface PostgresStandIn extends ProviderStandIn {
  readonly server: PostgresServer;
  readonly roles: {
    readonly owner: string;
    readonly a: string;
    readonly b: string;
    readonly admin: string;
  };
  readonly adminPassword: string;
}

let count = 0;

/**
 * Two roles of a real PostgreSQL, as the documentation says, behind a relay on which faults happen. Undefined where no
 * PostgreSQL is installed.
 */
export async function startPostgresStandIn(): Promise<PostgresStandIn | undefined> {
  const server = await startPostgresServer();
  if (server === undefined) return undefined;
  const prefix = `s${process.pid}_${++count}`;
  const named = (name: string): string => `${prefix}_${name}`;
  const roles = {
    owner: named('app_owner'),
    a: named('app_a'),
    b: named('app_b'),
    admin: named('keyferry_admin'),
  };
  for (const statement of statementsOfPage(server.majorVersion)) {
    await server.run(statement.replace(/\b(?:app_(?:owner|a|b)|keyferry_admin)\b/g, named));
  }
  const initialPassword = randomBytes(18).toString('base64url');
  const adminPassword = randomBytes(18).toString('base64url');
  await server.run(`ALTER ROLE ${roles.a} PASSWORD '${initialPassword}'`);
  await server.run(`ALTER ROLE ${roles.admin} PASSWORD '${adminPassword}'`);

  const faults = new Map<StandInFault, number>();
  const made: { id: string; madeBy: StandInKey['madeBy'] }[] = [{ id: roles.a, madeBy: 'before' }];
  const take = (fault: StandInFault): boolean => {
    const left = faults.get(fault) ?? 0;
    if (left > 0) faults.set(fault, left - 1);
    return left > 0;
  };

  /** What the roles' keys are now, by the marks in their comments. */
  const present = async (): Promise<ReadonlyMap<string, 'live' | 'disabled'>> => {
    const rows = await server.run<{ name: string; live: boolean; comment: string | null }>(
      `SELECT rolname AS name, rolcanlogin AS live, shobj_description(oid, 'pg_authid') AS comment
        FROM pg_roles WHERE rolname IN ($1, $2)`,
      [roles.a, roles.b],
    );
    return new Map(
      rows.map(({ name, live, comment }) => {
        const mark = / ?\[keyferry ([\w-]+)\]$/.exec(comment ?? '')?.[1];
        return [mark === undefined ? name : `${name}@${mark}`, live ? 'live' : 'disabled'];
      }),
    );
  };
  const noteMade = async (madeBy: StandInKey['madeBy']): Promise<void> => {
    for (const [id, state] of await present()) {
      if (state === 'live' && !made.some((key) => key.id === id)) made.push({ id, madeBy });
    }
  };

  const sockets = new Set<Socket>();
  const relay = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (bytes) => {
      if (!isSslRequest(bytes)) return void socket.destroy();
      socket.write('S');
      const secure = new TLSSocket(socket, {
        isServer: true,
        cert: server.certificate.cert,
        key: server.certificate.key,
      });
      secure.on('error', () => undefined);
      relayTo(secure).catch(() => secure.destroy());
    });
  });

  /** Between a client and the server, one message after the other. */
  async function relayTo(client: Socket): Promise<void> {
    client.pause();
    const isForbidden = take('missing_permission');
    await server?.run(`ALTER ROLE ${roles.admin} ${isForbidden ? 'NOCREATEROLE' : 'CREATEROLE'}`);
    const backend = connect({ port: server?.port ?? 0, host: '127.0.0.1', noDelay: true });
    backend.on('error', () => client.destroy());
    backend.on('close', () => client.end());
    client.on('close', () => backend.end());
    const fromClient = new MessageCutter('client');
    const fromServer = new MessageCutter('server');
    let afterMint: 'lost_answer' | 'broken_key' | 'nothing' | undefined;
    let isRefused = false;

    client.on('data', (bytes: Buffer) => {
      for (const message of fromClient.cut(bytes)) {
        if (message.type === '' && userOf(message.bytes) === roles.admin) {
          const state = take('wrong_credentials')
            ? '28P01'
            : take('throttled')
              ? '53300'
              : take('unavailable')
                ? '57P03'
                : undefined;
          if (state !== undefined) return void client.end(errorResponse(state));
        }
        const statement = statementOf(message) ?? '';
        if (/ LOGIN PASSWORD ''SCRAM/.test(statement)) {
          afterMint = take('lost_answer')
            ? 'lost_answer'
            : take('broken_key')
              ? 'broken_key'
              : 'nothing';
        }
        if (/PASSWORD NULL/.test(statement)) isRefused = take('refused_revocation');
        if (!isRefused) backend.write(message.bytes);
        else if (message.type === 'S') {
          isRefused = false;
          client.write(Buffer.concat([errorResponse('42501'), READY]));
        }
      }
    });
    client.resume();
    // What follows a mint waits for what is done after it.
    let done = Promise.resolve();
    backend.on('data', (bytes: Buffer) => {
      const messages = [...fromServer.cut(bytes)];
      done = done.then(async () => {
        for (const message of messages) {
          if (message.type === 'Z' && afterMint !== undefined) {
            await noteMade('keyferry');
            if (afterMint === 'broken_key') await breakKey();
            if (afterMint === 'lost_answer') return void client.destroy();
            afterMint = undefined;
          }
          if (afterMint !== 'lost_answer') client.write(message.bytes);
        }
      });
      done.catch(() => client.destroy());
    });
  }

  async function breakKey(): Promise<void> {
    const newest = made.at(-1)?.id.split('@')[0] ?? roles.b;
    await server?.run(`ALTER ROLE ${newest} PASSWORD '${randomBytes(18).toString('base64url')}'`);
  }

  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  /** Passwords that a real login was made with, by the verifier that they fit. */
  const logins = new Map<string, Promise<boolean>>();

  return {
    provider: 'postgres',
    server,
    roles,
    adminPassword,
    config: {
      host: '127.0.0.1',
      port: (relay.address() as AddressInfo).port,
      database: server.database,
      admin: roles.admin,
      adminPassword: 'postgres_admin',
      logins: [roles.a, roles.b],
      owner: roles.owner,
      ca: server.authority.cert,
    },
    providerSecrets: { postgres_admin: adminPassword },
    initial: JSON.stringify({ password: initialPassword, username: roles.a }),
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
    ],
    async accepts({ authorization }) {
      const given = Buffer.from(String(authorization).replace(/^Basic /, ''), 'base64').toString();
      const [user = '', password = ''] = given.split(':');
      const [role] = await server.run<{ live: boolean; verifier: string | null }>(
        'SELECT rolcanlogin AS live, rolpassword AS verifier FROM pg_authid WHERE rolname = $1',
        [user],
      );
      if (role?.live !== true || role.verifier === null) return false;
      const known = `${role.verifier} ${password}`;
      const login = logins.get(known) ?? canLogin(server, user, password);
      logins.set(known, login);
      return await login;
    },
    async keys() {
      const now = await present();
      return made.map(({ id, madeBy }) => ({ id, madeBy, state: now.get(id) ?? 'gone' }));
    },
    fail: (fault, times = 1) => void faults.set(fault, times),
    async addForeignKey() {
      const [id] = [...(await present())].find(([, state]) => state === 'disabled') ?? [''];
      const login = id.split('@')[0] ?? '';
      await server.run(`ALTER ROLE ${login} LOGIN PASSWORD 'foreign-password'`);
      await noteMade('other');
      return id;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => relay.close(() => resolve()));
    },
  };
}

async function canLogin(
  { port, database }: PostgresServer,
  user: string,
  password: string,
): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, database, user, password, ssl: false });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
