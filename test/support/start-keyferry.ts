import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { loadSettings } from '../../src/config/index.js';
import type { Route } from '../../src/core/index.js';
import { type RunningServer, startServer } from '../../src/server.js';
import { type AdminCalls, adminCalls } from './call-admin.js';
import { CanaryWatch } from './canary.js';
import { migratedDataDir } from './open-test-store.js';

export interface TestKeyferry extends AdminCalls {
  readonly server: RunningServer;
  readonly dataDir: string;
  readonly proxyUrl: string;
  readonly adminUrl: string;
  routes(routes: readonly Route[], query?: string): Promise<void>;
  /** Creates a client and returns its token. */
  client(environment: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** A whole server on free ports and a new data folder, gone when the test is over. */
export async function startKeyferry(
  flags: Readonly<Record<string, unknown>> = {},
  dataDir?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestKeyferry> {
  const folder = dataDir ?? migratedDataDir();
  const settings = loadSettings({
    flags: {
      '--data-dir': folder,
      '--proxy-listen': '127.0.0.1:0',
      '--admin-listen': '127.0.0.1:0',
      '--log-level': 'silent',
      '--drain-timeout-ms': '0',
      ...flags,
    },
    environment,
  });
  const server = await startServer(settings, { say: () => undefined, warn: () => undefined });
  // In every test: what goes in as a value comes out nowhere.
  const canary = new CanaryWatch();
  onTestFinished(async () => {
    await server.close();
    canary.addFolder(folder);
    if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
    expect(canary.findings()).toEqual([]);
  });
  const adminScheme = settings.adminTls === undefined ? 'http' : 'https';
  const proxyScheme = settings.proxyTls === undefined ? 'http' : 'https';
  const adminUrl = `${adminScheme}://127.0.0.1:${server.adminAddress.port}`;
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  let clients = 0;

  const { admin, call, secret } = adminCalls(adminUrl, async () => token, canary);
  return {
    server,
    dataDir: folder,
    proxyUrl: `${proxyScheme}://127.0.0.1:${server.proxyAddress.port}`,
    adminUrl,
    admin,
    call,
    secret,
    async routes(routes, query = '') {
      await admin('PUT', `/v1/routes${query}`, { routes });
    },
    async client(environment, more = {}) {
      const name = `client-${++clients}`;
      const created = await admin<{ token: string }>('POST', '/v1/clients', {
        name,
        environment,
        ...more,
      });
      return created.token;
    },
  };
}
