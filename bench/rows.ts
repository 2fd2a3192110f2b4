import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyferryShape, prepareKeyferry } from './prepare-keyferry.js';
import { isInstalled, startCaddy, startNginx } from './start-peers.js';
import { type BenchProcess, startProcess } from './start-process.js';

export interface Row {
  readonly name: string;
  /** Undefined = the program is not installed. */
  start(folder: string, upstream: string, cpu: number): Promise<RunningRow> | undefined;
}

export interface RunningRow {
  readonly process: BenchProcess;
  readonly credential: readonly [name: string, value: string];
}

/** As long as a real one, so that all rows read the same number of bytes. */
const NO_CREDENTIAL = ['authorization', `Bearer ${'x'.repeat(60)}`] as const;

const TSX = ['--import', 'tsx'];
const ANNOUNCED = /listens on (http:\/\/\S+)/;

export const FLOOR: Row = {
  name: 'node:http + undici dispatch (floor)',
  start: (folder, upstream, cpu) => script('floor', folder, upstream, cpu),
};

/** With everything on: token, secret, decision log, metrics, usage. */
export const KEYFERRY = keyferry('keyferry', { routes: 1, secrets: 10, injects: true });

export const ROWS: readonly Row[] = [
  FLOOR,
  KEYFERRY,
  {
    name: '@fastify/http-proxy',
    start: (folder, upstream, cpu) => script('fastify-http-proxy', folder, upstream, cpu),
  },
  peer('nginx', startNginx),
  peer('caddy', startCaddy),
  keyferry('keyferry, no injection', { routes: 1, secrets: 10, injects: false }),
  keyferry('keyferry, echoScrub mask', {
    routes: 1,
    secrets: 10,
    injects: true,
    echoScrub: 'mask',
  }),
  keyferry('keyferry, echoScrub block', {
    routes: 1,
    secrets: 10,
    injects: true,
    echoScrub: 'block',
  }),
  keyferry('keyferry, canary running', { routes: 1, secrets: 10, injects: true, canary: true }),
  keyferry('keyferry, 100 routes', { routes: 100, secrets: 100, injects: true }),
  keyferry('keyferry, 10,000 routes', { routes: 10_000, secrets: 10_000, injects: true }),
  keyferry('keyferry, 100,000 secrets', { routes: 1, secrets: 100_000, injects: true }),
  keyferry('keyferry, 10,000 routes and 100,000 secrets', {
    routes: 10_000,
    secrets: 100_000,
    injects: true,
  }),
];

export async function startUpstream(folder: string, cpu: number): Promise<BenchProcess> {
  const output = join(folder, 'upstream.out');
  const args = [...TSX, 'bench/targets/upstream.ts'];
  return startProcess({ command: process.execPath, args, cpu, output, ready: ANNOUNCED });
}

async function script(
  name: string,
  folder: string,
  upstream: string,
  cpu: number,
): Promise<RunningRow> {
  const args = [...TSX, `bench/targets/${name}.ts`, upstream];
  const output = join(folder, `${name}.out`);
  const started = await startProcess({
    command: process.execPath,
    args,
    cpu,
    output,
    ready: ANNOUNCED,
  });
  return { process: started, credential: NO_CREDENTIAL };
}

function peer(
  program: string,
  start: (folder: string, upstream: string, cpu: number) => Promise<BenchProcess>,
): Row {
  return {
    name: program,
    start: (folder, upstream, cpu) =>
      isInstalled(program)
        ? start(folder, upstream, cpu).then((process) => ({ process, credential: NO_CREDENTIAL }))
        : undefined,
  };
}

function keyferry(name: string, shape: KeyferryShape): Row {
  return {
    name,
    async start(folder, upstream, cpu) {
      const dataDir = mkdtempSync(join(folder, 'data-'));
      const token = await prepareKeyferry(dataDir, upstream, shape);
      const listen = ['--proxy-listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
      const started = await startProcess({
        command: process.execPath,
        args: ['bin/keyferry.js', 'serve', '--data-dir', dataDir, ...listen],
        cpu,
        output: `${dataDir}.log`,
        ready: /Proxy\s+(http:\/\/\S+)/,
      });
      // A route that places no credential takes the token only in its own header.
      const credential = shape.injects
        ? (['authorization', `Bearer ${token}`] as const)
        : (['keyferry-token', token] as const);
      return { process: started, credential };
    },
  };
}
