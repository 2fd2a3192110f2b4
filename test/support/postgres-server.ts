import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { type Certificate, makeAuthority, makeCertificate } from './make-certificate.js';

/** A real PostgreSQL on loopback, by TLS and SCRAM, that logs every statement. */
export interface PostgresServer {
  readonly port: number;
  readonly database: string;
  readonly majorVersion: number;
  readonly authority: Certificate;
  readonly certificate: Certificate;
  /** What it has logged so far. */
  log(): string;
  /** As the superuser, over a connection that is kept. */
  run<Row extends object>(statement: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Lines that come before all others of pg_hba.conf. */
  allow(lines: readonly string[]): Promise<void>;
  /** As a crash would: at once, sessions and all; started again when it is called the next time. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

const DATABASE = 'app';
const SUPERUSER = 'superuser';
const PASSWORD = 'superuser-password';

/** The folder of PostgreSQL's programs; undefined where none is installed. */
function programs(): string | undefined {
  const isThere = (folder: string): boolean =>
    existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb'));
  return (process.env.PATH ?? '').split(delimiter).find(isThere);
}

export const POSTGRES_INSTALLED = programs() !== undefined;

let shared: Promise<PostgresServer> | undefined;

/** One for all tests of a process, which ends with it; undefined where none is installed. */
export async function startPostgresServer(): Promise<PostgresServer | undefined> {
  const folder = programs();
  if (folder === undefined) return undefined;
  shared ??= makeServer(folder);
  return await shared;
}

/** It does not run as root: then as the user that its package has made, or as nobody. */
function asOwner(): { readonly prefix: readonly string[]; own(path: string): void } {
  if (process.getuid?.() !== 0) return { prefix: [], own: () => undefined };
  const idOf = (kind: string): number => {
    for (const name of ['postgres', 'nobody']) {
      try {
        return Number(execFileSync('id', [kind, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
      } catch {}
    }
    throw new Error('no user to run PostgreSQL as');
  };
  const [user, group] = [idOf('-u'), idOf('-g')];
  return {
    prefix: ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--'],
    own: (path) => chownSync(path, user, group),
  };
}

async function makeServer(programsFolder: string): Promise<PostgresServer> {
  const { prefix, own } = asOwner();
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-postgres-'));
  own(folder);
  const path = (name: string): string => join(folder, name);
  const write = (name: string, text: string): string => {
    writeFileSync(path(name), text);
    own(path(name));
    chmodSync(path(name), 0o600);
    return path(name);
  };
  const data = path('data');
  const [program = '', ...args] = [
    ...prefix,
    join(programsFolder, 'initdb'),
    ...['-D', data, '-U', SUPERUSER, '--pwfile', write('password', PASSWORD)],
    ...['-A', 'scram-sha-256', '-E', 'UTF8', '--no-locale', '--no-sync'],
  ];
  execFileSync(program, args, { stdio: 'ignore', cwd: folder });
  const authority = await makeAuthority();
  const certificate = await makeCertificate(authority, { dns: ['localhost'], ips: ['127.0.0.1'] });
  write('server.crt', certificate.cert);
  write('server.key', certificate.key);
  const hba = (lines: readonly string[]): void => {
    const all = [...lines, 'host all all 127.0.0.1/32 scram-sha-256'];
    writeFileSync(join(data, 'pg_hba.conf'), `${all.join('\n')}\n`);
  };
  hba([]);
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    shared_buffers: '16MB',
    max_connections: 60,
    log_statement: 'all',
    ssl: 'on',
    ssl_cert_file: path('server.crt'),
    ssl_key_file: path('server.key'),
  };
  const logFile = path('log');
  let running: ChildProcess | undefined;
  let session: pg.Client | undefined;

  const start = async (): Promise<void> => {
    if (running !== undefined) return;
    const log = openSync(logFile, 'a');
    const command = [...prefix, join(programsFolder, 'postgres'), '-D', data];
    for (const [name, value] of Object.entries(settings)) command.push('-c', `${name}=${value}`);
    // It ends with this process, however that ends: then nobody holds the other end of its standard input.
    const script =
      '"$@" & cat >/dev/null; kill -INT $! 2>/dev/null; wait $!; [ -e "$0/keep" ] || rm -rf "$0"';
    const child = spawn('sh', ['-c', script, folder, ...command], {
      stdio: ['pipe', 'ignore', log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    (child.stdin as Socket).unref();
    running = child;
    await untilReady(port);
  };
  const crash = async (): Promise<void> => {
    const child = running;
    running = undefined;
    await session?.end().catch(() => undefined);
    session = undefined;
    if (child === undefined) return;
    writeFileSync(path('keep'), '');
    const [pid] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(pid), 'SIGQUIT');
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.stdin?.end();
    });
    rmSync(path('keep'));
  };
  const superuser = async (): Promise<pg.Client> => {
    if (session !== undefined) return session;
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port, user: SUPERUSER, password: PASSWORD, ssl: false },
      database: 'postgres',
    });
    client.on('error', () => {
      if (session === client) session = undefined;
    });
    await client.connect();
    (client.connection.stream as Socket).unref();
    session = client;
    return client;
  };

  await start();
  let turn: Promise<unknown> = Promise.resolve();
  const server: PostgresServer = {
    port,
    database: DATABASE,
    majorVersion: 0,
    authority,
    certificate,
    log: () => readFileSync(logFile, 'utf8'),
    async run(statement, values = []) {
      // One after the other: a session has one statement at a time.
      const found = turn.then(async () => {
        const client = await superuser();
        return (await client.query({ text: statement, values: [...values] })).rows;
      });
      turn = found.catch(() => undefined);
      return await found;
    },
    async allow(lines) {
      hba(lines);
      await server.run('SELECT pg_reload_conf()');
    },
    crash,
    start,
  };
  await server.run(`CREATE DATABASE ${DATABASE}`);
  const [found] = await server.run<{ v: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS v",
  );
  return Object.assign(server, { majorVersion: found?.v ?? 0 });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Until it takes a login; it refuses connections and then logins while it starts. */
async function untilReady(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port, user: SUPERUSER, password: PASSWORD, ssl: false },
      database: 'postgres',
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('PostgreSQL did not start');
}
