import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import { lostWrites } from '../../support/lost-writes.js';
import { PATIENCE_MS } from '../../support/patience.js';
import { isInstalled } from '../../support/run-program.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';
import { type AskedKeyferry, OUTAGE_LOAD, prepareOutage, serveAsked } from '../outlive.js';

const VERSIONS = '/v1/secrets/key/environments/production/versions';
const FAULT_MS = 600;
const RECOVERY_MS = 20_000;

interface Fault {
  readonly calls: string;
  readonly errors: readonly string[];
  /** Whether only the store is hit: every request is then served. */
  readonly spares: 'proxy' | 'nothing';
}

/**
 * Without those whose failure libuv or V8 answers by ending the process: `read`, `write` and `epoll_wait` (they
 * wake the event loop), `mmap`, `futex`; and without `fcntl`: SQLite holds a lock for ever whose release failed.
 */
const FAULTS: readonly Fault[] = [
  { calls: 'fsync,fdatasync', errors: ['EIO', 'ENOSPC'], spares: 'proxy' },
  { calls: 'pwrite64', errors: ['EIO', 'ENOSPC', 'EDQUOT'], spares: 'proxy' },
  { calls: 'pread64', errors: ['EIO'], spares: 'proxy' },
  { calls: 'ftruncate', errors: ['EIO'], spares: 'proxy' },
  { calls: 'openat', errors: ['EMFILE', 'EACCES'], spares: 'proxy' },
  { calls: 'accept4', errors: ['EMFILE', 'ENFILE', 'ENOBUFS', 'ECONNABORTED'], spares: 'nothing' },
  { calls: 'socket', errors: ['EMFILE', 'ENOBUFS'], spares: 'nothing' },
  { calls: 'connect', errors: ['ECONNREFUSED', 'ENETUNREACH', 'EADDRNOTAVAIL'], spares: 'nothing' },
  { calls: 'writev', errors: ['EPIPE', 'ECONNRESET', 'ENOBUFS'], spares: 'nothing' },
  { calls: 'setsockopt', errors: ['EINVAL', 'ENOBUFS'], spares: 'nothing' },
  { calls: 'shutdown', errors: ['ENOTCONN'], spares: 'nothing' },
  { calls: 'getpeername', errors: ['ENOTCONN'], spares: 'nothing' },
];

/**
 * System calls that fail while there is load: the server lives, requests are served where only the store is hit,
 * and no write that was answered is lost.
 */
export const campaign: Campaign = {
  name: 'system-calls',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 500,
  unit: 'periods of failing system calls',
  slice: 26,
  missing: () => (isInstalled('strace') ? undefined : 'there is no strace here'),
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const { dataDir, token } = await prepareOutage();
  const server = await serveAsked({ dataDir, token });
  /** By secret and version. */
  const acknowledged = new Map<string, string>();
  const findings: string[] = [];
  let refused = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true && findings.length === 0) {
    const fault = FAULTS[(seed + done) % FAULTS.length] as Fault;
    const error = fault.errors[Math.floor(random() * fault.errors.length)] ?? 'EIO';
    const when = `${1 + Math.floor(random() * 3)}+${1 + Math.floor(random() * 3)}`;
    const rule = `${fault.calls}:error=${error}:when=${when}`;
    done++;
    const write = async (): Promise<void> => {
      const value = `value-${done}-${random()}`;
      const { status, body } = await server.call('POST', VERSIONS, { value });
      if (status === 201) acknowledged.set(`key ${String(body.version)}`, value);
      else if (status >= 500) refused++;
      else findings.push(`${rule}: a write was answered ${status} ${JSON.stringify(body)}`);
    };
    const problems = await during(server, fault, rule, write);
    findings.push(...problems.map((text) => `${rule}: ${text}`));
  }
  await server.kill();
  findings.push(...(await lostWrites(dataDir, acknowledged)));
  const note = `${acknowledged.size} writes answered, ${refused} refused`;
  return { done, findings, note };
}

/** What goes wrong while system calls of the server fail by a rule of strace, and after. */
async function during(
  server: AskedKeyferry,
  { calls, spares }: Fault,
  rule: string,
  write: () => Promise<void>,
): Promise<string[]> {
  const problems: string[] = [];
  const tracer = await attach(server.pid, calls, rule);
  const load = startLoad(OUTAGE_LOAD, () => server.ask());
  const until = performance.now() + FAULT_MS;
  while (performance.now() < until && server.child.exitCode === null) {
    await Promise.all([
      write().catch((error: unknown) => {
        // The connection to the admin API may fail too.
        if (spares === 'proxy') problems.push(`a write failed: ${String(error)}`);
      }),
      wait(50),
    ]);
  }
  tracer.kill('SIGTERM');
  await once(tracer, 'close');
  const { failures } = await load.stop();
  if (spares === 'proxy') problems.push(...failures);
  problems.push(...failures.filter((text) => /200 |wrong/.test(text)));
  try {
    await vi.waitFor(() => server.ask(), { timeout: RECOVERY_MS, interval: 50 });
    await vi.waitFor(
      async () => {
        const { status } = await server.call('GET', '/v1/audit/verify');
        if (status !== 200) throw new Error(`the audit log answers ${status}`);
        await write();
      },
      { timeout: RECOVERY_MS, interval: 100 },
    );
  } catch (error) {
    problems.push(`no recovery: ${String(error)}`);
  }
  if (server.child.exitCode !== null || server.child.signalCode !== null) {
    problems.push(`the server ended: ${server.output.slice(-2000)}`);
  }
  return problems;
}

/** Resolves once every thread of the process is traced. */
async function attach(pid: number, calls: string, rule: string): Promise<ChildProcess> {
  const options = ['-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${rule}`];
  const tracer = spawn('strace', [...options, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void tracer.kill('SIGKILL'));
  let said = '';
  tracer.stderr.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  await vi.waitUntil(() => said.includes('attached') || tracer.exitCode !== null, {
    timeout: PATIENCE_MS,
    interval: 5,
  });
  if (tracer.exitCode !== null) throw new Error(`strace ended: ${said}`);
  return tracer;
}
