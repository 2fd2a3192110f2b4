import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSettings } from '../../dist/config/index.js';
import { type RunningServer, startServer } from '../../dist/server.js';

export interface Fresh {
  readonly adminUrl: string;
  readonly token: string;
  close(): Promise<void>;
}

/** A server in a new data folder where nothing has been done yet, and people sign in with OpenID Connect too. */
export async function startFresh(dataDir: string): Promise<Fresh> {
  const roles = join(dataDir, 'roles.json');
  await writeFile(roles, JSON.stringify([{ value: 'platform', role: 'admin' }]));
  const server = await start(dataDir, {
    '--public-admin-url': 'https://keyferry.example.com',
    '--oidc-issuer': 'https://sso.example.com/realms/main',
    '--oidc-client-id': 'keyferry',
    '--oidc-roles': roles,
  });
  return {
    adminUrl: `http://127.0.0.1:${server.adminAddress.port}`,
    token: (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim(),
    close: () => server.close(),
  };
}

/** On free ports of loopback. */
export async function start(
  dataDir: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const settings = loadSettings({
    flags: {
      '--data-dir': dataDir,
      '--proxy-listen': '127.0.0.1:0',
      '--admin-listen': '127.0.0.1:0',
      '--log-level': 'silent',
      '--drain-timeout-ms': '0',
      ...flags,
    },
    environment: {},
  });
  return startServer(settings, { say: () => undefined, warn: () => undefined });
}
