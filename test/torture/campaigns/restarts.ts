import { vi } from 'vitest';
import { PATIENCE_MS } from '../../support/patience.js';
import { freePort, serveKeyferry } from '../../support/serve-process.js';
import { keepAlive, startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';
import { CONNECTIONS, expectOk, prepareRestarts, RESTART_LOAD } from '../prepare-restarts.js';

/** Restarted under load: a client that tries a refused connection again sees no failure. */
export const campaign: Campaign = {
  name: 'restarts',
  threat: 'restart, reload',
  target: 50,
  unit: 'restarts at 500 requests/s',
  slice: 10,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const proxyListen = `127.0.0.1:${await freePort()}`;
  const adminListen = `127.0.0.1:${await freePort()}`;
  const flags = ['--proxy-listen', proxyListen, '--admin-listen', adminListen];
  const { dataDir, token } = await prepareRestarts();
  const findings: string[] = [];
  let server = await serveKeyferry({ dataDir, flags });
  const agent = keepAlive(CONNECTIONS);
  const options = { agent, headers: { 'keyferry-token': token }, retryRefusedMs: 20_000 };
  const load = startLoad(RESTART_LOAD, () => expectOk(`http://${proxyListen}/api/x`, options));
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const before = load.sent;
    await vi.waitUntil(() => load.sent > before + RESTART_LOAD, { timeout: PATIENCE_MS });
    const { exitCode } = await server.stop();
    if (exitCode !== 0) findings.push(`restart ${done}: the server ended with ${exitCode}`);
    server = await serveKeyferry({ dataDir, flags });
    done++;
  }
  const { sent, failures } = await load.stop();
  agent.destroy();
  await server.stop();
  return { done, findings: [...findings, ...failures], note: `${sent} requests` };
}
