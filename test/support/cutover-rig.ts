import { request as sendRequest } from 'node:http';
import { onTestFinished, vi } from 'vitest';
import type { Route } from '../../src/core/index.js';
import type { AdminCalls } from './call-admin.js';
import { PATIENCE_MS } from './patience.js';
import { keepAlive } from './steady-load.js';

/** As the API shows it. */
export interface ShownCutover {
  readonly id: string;
  readonly state: string;
  readonly hold: { readonly reason: string } | null;
  readonly step: number;
  readonly reason: string | null;
  readonly endedByItself: boolean;
  readonly evidence: Readonly<Record<string, unknown>> | null;
}

export const OLD_KEY = 'value-of-version-1';
export const NEW_KEY = 'value-of-version-2';
const VERSIONS = '/v1/secrets/key/environments/production';

/** A server as a test meets it: in its own process or not. */
type Server = AdminCalls & { readonly proxyUrl: string };

/** Route `api` at `/api` that places the secret `key`, which has a current version 1 and a staged version 2. */
export async function prepareCutover(
  server: Server,
  origin: string,
  more: Partial<Route> = {},
): Promise<void> {
  await server.secret('key', { production: OLD_KEY });
  await server.admin('POST', `${VERSIONS}/versions`, { value: NEW_KEY });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
    ...more,
  };
  await server.admin('PUT', '/v1/routes', { routes: [route] });
}

export async function startCutover(
  server: Server,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<ShownCutover> {
  return server.admin('POST', `${VERSIONS}/cutovers`, { toVersion: 2, ...settings });
}

export async function showCutover(server: Server, id: string): Promise<ShownCutover> {
  return server.admin('GET', `/v1/cutovers/${id}`);
}

/** Waits until the cutover is as wanted; tells how it is then. */
export async function untilCutover(
  server: Server,
  id: string,
  wanted: { readonly state?: string; readonly notState?: string; readonly hold?: string | null },
  timeout = PATIENCE_MS,
): Promise<ShownCutover> {
  let shown = await showCutover(server, id);
  const isSo = async (): Promise<boolean> => {
    shown = await showCutover(server, id);
    const { state = shown.state, hold = shown.hold?.reason ?? null } = wanted;
    if (shown.state === wanted.notState) return false;
    return shown.state === state && (shown.hold?.reason ?? null) === hold;
  };
  await vi.waitUntil(isSo, { timeout, interval: 100 }).catch((cause: unknown) => {
    const { state, hold, step, evidence } = shown;
    const found = JSON.stringify({ state, hold, step, evidence });
    throw new Error(`not ${JSON.stringify(wanted)} but ${found}`, { cause });
  });
  return shown;
}

/** The number of the current version. */
export async function currentVersion(server: Server): Promise<number[]> {
  const { items } = await server.admin<{ items: { version: number; state: string }[] }>(
    'GET',
    `${VERSIONS}/versions`,
  );
  return items.filter(({ state }) => state === 'current').map(({ version }) => version);
}

/** Requests by version, as the store has counted them. */
export async function usesByVersion(server: Server): Promise<ReadonlyMap<number, number>> {
  interface Row {
    readonly version: number;
    readonly accepted: number;
    readonly refused: number;
    readonly failed: number;
  }
  const { usage } = await server.admin<{ usage: Row[] }>('GET', '/v1/secrets/key');
  const uses = new Map<number, number>();
  for (const { version, accepted, refused, failed } of usage) {
    uses.set(version, (uses.get(version) ?? 0) + accepted + refused + failed);
  }
  return uses;
}

/**
 * Gives a function that sends the n-th request of many clients in turn, every fourth a POST with a body, and gives
 * its status.
 */
export function clientsOf(
  server: Server,
  tokens: readonly string[],
): (call: number, path?: string) => Promise<number> {
  const agent = keepAlive(64);
  onTestFinished(() => agent.destroy());
  return (call, path = '/api/orders') =>
    new Promise((resolve, reject) => {
      const isPost = call % 4 === 0;
      const body = isPost ? JSON.stringify({ order: call }) : undefined;
      const sent = sendRequest(
        `${server.proxyUrl}${path}`,
        {
          agent,
          method: isPost ? 'POST' : 'GET',
          headers: {
            'keyferry-token': tokens[call % tokens.length],
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': body.length }),
          },
        },
        (response) => {
          response.resume();
          response.on('error', reject);
          response.on('close', () => {
            if (response.complete) resolve(response.statusCode ?? 0);
            else reject(new Error('the answer was cut'));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
}
