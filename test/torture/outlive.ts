import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, vi } from 'vitest';
import { onSmallDisk } from '../support/mounts.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import {
  type ServedKeyferry,
  type ServeOptions,
  serveKeyferry,
  temporaryDataDir,
} from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';

/** Requests per second during an outage. */
export const OUTAGE_LOAD = 100;
const VERSIONS = '/v1/secrets/key/environments/production/versions';

/** A folder with a secret, a route and a client, whose server is stopped. */
export async function prepareOutage(): Promise<{ dataDir: string; token: string }> {
  const origin = await startPlainUpstream((request, response) => {
    response.end(request.headers.authorization === 'Bearer real-key' ? 'ok' : 'wrong');
  });
  const dataDir = temporaryDataDir();
  const keyferry = await startKeyferry({}, dataDir);
  await keyferry.secret('key', { production: 'real-key' });
  const route = {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
  };
  await keyferry.routes([route]);
  const token = await keyferry.client('production');
  await keyferry.server.close();
  return { dataDir, token };
}

export interface AskedKeyferry extends ServedKeyferry {
  /** Sends one request through the proxy; throws where it is not served. */
  ask(): Promise<void>;
}

export async function serveAsked(
  options: ServeOptions & { token: string },
): Promise<AskedKeyferry> {
  const server = await serveKeyferry(options);
  const agent = keepAlive(8);
  onTestFinished(() => agent.destroy());
  const headers = { 'keyferry-token': options.token };
  return Object.assign(server, {
    async ask() {
      const { status, body } = await send(`${server.proxyUrl}/api/x`, { agent, headers });
      if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`);
    },
  });
}

/** Requests that the store has counted as accepted. */
export async function acceptedBy(server: ServedKeyferry): Promise<number> {
  const { usage } = await server.admin<{ usage: { accepted: number }[] }>('GET', '/v1/secrets/key');
  return usage.reduce((sum, row) => sum + row.accepted, 0);
}

/** A server, and what takes its store away and gives it back. */
export interface Outage {
  readonly server: AskedKeyferry;
  begin(): void;
  end(): void;
}

/** The ways in which a store can be away. */
export const OUTAGES = {
  /** Needs `canMount`. */
  async 'a full disk'(): Promise<Outage> {
    const { dataDir, token } = await prepareOutage();
    const server = await serveAsked({ dataDir, token, under: onSmallDisk(dataDir, '16m') });
    const fill = join(`/proc/${server.pid}/root`, dataDir, 'fill');
    return {
      server,
      begin: () => {
        expect(() => writeFileSync(fill, new Uint8Array(32 * 1024 * 1024))).toThrow('ENOSPC');
      },
      end: () => rmSync(fill),
    };
  },

  async 'a disk that takes no writes'(): Promise<Outage> {
    const { dataDir, token } = await prepareOutage();
    const server = await serveAsked({ dataDir, token });
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:`]);
    };
    return { server, begin: () => limit('1'), end: () => limit('unlimited') };
  },

  async 'a database that another program holds locked'(): Promise<Outage> {
    const { dataDir, token } = await prepareOutage();
    const server = await serveAsked({ dataDir, token });
    const other = new Database(join(dataDir, 'keyferry.db'));
    onTestFinished(() => void other.close());
    return {
      server,
      begin: () => void other.exec('BEGIN IMMEDIATE'),
      end: () => void other.exec('ROLLBACK'),
    };
  },
} as const;

/**
 * Throws unless, while the outage lasts, a write is refused as the contract says and changes nothing, and every
 * request through the proxy is served; and afterwards writes work again, and all that was used is counted.
 */
export async function outlive({ server, begin, end }: Outage): Promise<void> {
  const accepted = await acceptedBy(server);
  const silent = server.output.length;
  const load = startLoad(OUTAGE_LOAD, () => server.ask());
  await vi.waitUntil(() => load.sent > OUTAGE_LOAD / 2, { timeout: PATIENCE_MS });
  const before = await server.admin<{ items: unknown[] }>('GET', VERSIONS);
  begin();
  const refused = await server.call('POST', VERSIONS, { value: 'x'.repeat(60_000) });
  expect(refused).toMatchObject({
    status: 503,
    type: 'application/problem+json',
    body: { code: 'store_unavailable', status: 503, requestId: expect.any(String) },
  });
  const from = load.sent;
  const isFelt = (): boolean =>
    load.sent > from + 2 * OUTAGE_LOAD &&
    server.output.slice(silent).includes('"usage_not_written"');
  await vi.waitUntil(isFelt, { timeout: PATIENCE_MS });
  end();
  await vi.waitUntil(
    async () => (await server.call('POST', VERSIONS, { value: 'next' })).status === 201,
    { timeout: PATIENCE_MS, interval: 100 },
  );
  const { sent, failures } = await load.stop();
  expect(failures).toEqual([]);
  const after = await server.admin<{ items: unknown[] }>('GET', VERSIONS);
  expect(after.items).toHaveLength(before.items.length + 1);
  await vi.waitFor(async () => expect(await acceptedBy(server)).toBe(accepted + sent), {
    timeout: PATIENCE_MS,
  });
  expect(await server.admin('GET', '/v1/audit/verify')).toMatchObject({ ok: true });
  expect(server.child.exitCode).toBeNull();
}
