import { startPlainUpstream } from '../support/plain-upstream.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { type SendOptions, send } from '../support/steady-load.js';

/** Requests per second while servers are restarted. */
export const RESTART_LOAD = 500;
export const CONNECTIONS = 32;

/**
 * Fills a new data folder with a secret, a client and a route `/api` to an upstream that says whether the real
 * key arrived; the server is stopped again.
 */
export async function prepareRestarts(): Promise<{
  readonly dataDir: string;
  readonly token: string;
}> {
  const upstream = await startPlainUpstream((request, response) => {
    response.end(request.headers.authorization === 'Bearer real-key' ? 'ok' : 'wrong');
  });
  const keyferry = await startKeyferry();
  await keyferry.secret('key', { production: 'real-key' });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream, allowPrivateNetwork: true } },
  };
  await keyferry.routes([route]);
  const token = await keyferry.client('production');
  await keyferry.server.close();
  return { dataDir: keyferry.dataDir, token };
}

/** Throws where the answer is not that of the upstream that got its key. */
export async function expectOk(url: string, options: SendOptions): Promise<void> {
  const { status, body } = await send(url, options);
  if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
}
