import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { type AdminCalls, adminCalls } from './call-admin.js';
import { CanaryWatch } from './canary.js';
import { migratedDataDir, newDataDir } from './open-test-store.js';

export const BIN = fileURLToPath(new URL('../../bin/keyferry.js', import.meta.url));

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServeOptions {
  /** A new one by default, gone when the test is over. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What to run instead of Node itself: it gets the command line of Node. */
  readonly under?: readonly string[];
  /** Standard output, where it is not to be read: both listeners then need a port in `flags`. */
  readonly stdout?: number;
}

/** A `keyferry serve` of its own process. */
export interface ServedKeyferry extends AdminCalls {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly dataDir: string;
  readonly proxyUrl: string;
  readonly adminUrl: string;
  /** What it wrote so far. */
  readonly output: string;
  /** From the start of the process until it said that it is ready. */
  readonly readyMs: number;
  readonly finished: Promise<Finished>;
  /** The first admin's. */
  token(): Promise<string>;
  client(environment: string): Promise<string>;
  /** Ends it with SIGTERM and gives what it wrote. */
  stop(): Promise<Finished>;
  kill(): Promise<Finished>;
}

export interface RunOptions extends Pick<ServeOptions, 'environment' | 'under'> {
  /** Standard input. */
  readonly input?: string;
  /** Called when the process runs. */
  readonly onStart?: (pid: number | undefined) => void;
}

/** Runs the real command to its end. */
export function runKeyferry(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(argv, options);
  options.onStart?.(child.pid);
  child.stdin?.end(options.input ?? '');
  return finish(child);
}

/** Starts `keyferry serve` and waits for nothing. */
export function startProcess(
  dataDir: string,
  flags: readonly string[] = [],
): { readonly child: ChildProcess; readonly finished: Promise<Finished> } {
  const child = start(serveLine(dataDir, flags), {});
  return { child, finished: finish(child) };
}

/** A command line of `serve` on free ports. */
export function serveLine(dataDir: string, flags: readonly string[] = []): string[] {
  const argv = ['serve', '--data-dir', dataDir];
  for (const name of ['--proxy-listen', '--admin-listen']) {
    if (!flags.includes(name)) argv.push(name, '127.0.0.1:0');
  }
  return [...argv, ...flags];
}

/** Starts `keyferry serve`; resolves when it is ready, rejects with what it wrote when it ends before. */
export async function serveKeyferry(options: ServeOptions = {}): Promise<ServedKeyferry> {
  const dataDir = options.dataDir ?? migratedDataDir();
  const startedAt = performance.now();
  const child = start(serveLine(dataDir, options.flags), options);
  const finished = finish(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => {
      output += piece.toString();
    });
  }
  // In every test: what goes in as a value comes out nowhere.
  const canary = new CanaryWatch();
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await finished;
    canary.add('output', output);
    canary.addFolder(dataDir);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    expect(canary.findings()).toEqual([]);
  });
  const ready = options.stdout === undefined ? untilReady(child) : untilAnswering(options.flags);
  const ended = finished.then(({ exitCode, stdout, stderr }) => {
    throw new Error(`the server ended with ${exitCode}:\n${stdout}${stderr}`);
  });
  const { proxyUrl, adminUrl } = await Promise.race([ready, ended]);
  const readyMs = performance.now() - startedAt;
  let clients = 0;

  const token = async (): Promise<string> =>
    (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  const { call, admin, secret } = adminCalls(adminUrl, token, canary);
  return {
    child,
    pid: child.pid ?? 0,
    dataDir,
    proxyUrl,
    adminUrl,
    get output() {
      return output;
    },
    readyMs,
    finished,
    token,
    call,
    admin,
    secret,
    async client(environment) {
      const name = `client-${++clients}-${Date.now()}`;
      return (await admin<{ token: string }>('POST', '/v1/clients', { name, environment })).token;
    },
    stop() {
      child.kill('SIGTERM');
      return finished;
    },
    kill() {
      child.kill('SIGKILL');
      return finished;
    },
  };
}

/** An empty data folder, gone when the test is over. */
export function temporaryDataDir(): string {
  const dataDir = newDataDir();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function start(
  argv: readonly string[],
  { environment = {}, under = [], stdout }: Pick<ServeOptions, 'environment' | 'under' | 'stdout'>,
): ChildProcess {
  const [command = '', ...rest] = [...under, process.execPath, BIN, ...argv];
  const { PATH = '' } = process.env;
  return spawn(command, rest, {
    env: { PATH, ...environment },
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
  });
}

function finish(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

interface Addresses {
  readonly proxyUrl: string;
  readonly adminUrl: string;
}

function untilReady(child: ChildProcess): Promise<Addresses> {
  return new Promise((resolve) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const [, proxyUrl] = /Proxy +(http\S+)\n/.exec(said) ?? [];
      const [, adminUrl] = /Console +(http\S+)\/ .*\n/.exec(said) ?? [];
      if (proxyUrl !== undefined && adminUrl !== undefined) resolve({ proxyUrl, adminUrl });
    });
  });
}

async function untilAnswering(flags: readonly string[] = []): Promise<Addresses> {
  const urlOf = (flag: string): string => `http://${flags[flags.indexOf(flag) + 1]}`;
  const adminUrl = urlOf('--admin-listen');
  for (;;) {
    const answer = await fetch(`${adminUrl}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return { proxyUrl: urlOf('--proxy-listen'), adminUrl };
    await wait(20);
  }
}
