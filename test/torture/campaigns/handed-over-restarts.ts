import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { PATIENCE_MS } from '../../support/patience.js';
import { BIN, freePort, serveLine } from '../../support/serve-process.js';
import { keepAlive, startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';
import { CONNECTIONS, expectOk, prepareRestarts, RESTART_LOAD } from '../prepare-restarts.js';

const SUPERVISOR = fileURLToPath(new URL('../../support/hand-over-socket.mjs', import.meta.url));

/** Restarted under load behind a socket that is handed over: no client sees a failure. */
export const campaign: Campaign = {
  name: 'handed-over-restarts',
  threat: 'restart, reload',
  target: 50,
  unit: 'restarts at 500 requests/s',
  slice: 10,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const adminListen = `127.0.0.1:${await freePort()}`;
  const listen = (proxyListen: string): string[] => {
    return ['--proxy-listen', proxyListen, '--admin-listen', adminListen];
  };
  const { dataDir, token } = await prepareRestarts();

  const owner = createServer();
  await new Promise<void>((resolve) => owner.listen(0, '127.0.0.1', resolve));
  const address = owner.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { fd } = Reflect.get(owner, '_handle') as { fd: number };
  const line = [SUPERVISOR, BIN, ...serveLine(dataDir, listen('fd:3'))];
  const supervisor = spawn(process.execPath, line, { stdio: ['pipe', 'pipe', 'inherit', fd] });
  onTestFinished(() => void supervisor.kill('SIGKILL'));
  owner.close();
  let said = '';
  supervisor.stdout?.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  const times = (text: string): number => said.split(text).length - 1;
  const started = (servers: number): Promise<boolean> =>
    vi.waitUntil(() => times('is ready.') === servers, { timeout: PATIENCE_MS });

  await started(1);
  const agent = keepAlive(CONNECTIONS);
  const options = { agent, headers: { 'keyferry-token': token } };
  const load = startLoad(RESTART_LOAD, () => expectOk(`http://127.0.0.1:${port}/api/x`, options));
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const before = load.sent;
    await vi.waitUntil(() => load.sent > before + RESTART_LOAD, { timeout: PATIENCE_MS });
    supervisor.stdin?.write('next\n');
    done++;
    await started(done + 1);
  }
  const { sent, failures } = await load.stop();
  agent.destroy();
  supervisor.stdin?.end();
  await once(supervisor, 'exit');
  const findings = [...failures];
  const clean = times('ended with 0\n');
  if (clean !== done + 1) findings.push(`${clean} of ${done + 1} servers ended with 0`);
  return { done, findings, note: `${sent} requests` };
}
