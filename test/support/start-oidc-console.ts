import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startBreakableRelay } from './breakable-relay.js';
import { startKeyferry, type TestKeyferry } from './start-keyferry.js';

export const CLIENT_SECRET = 'secret-of-the-console-6c1f4e';

export const ROLES = [
  { value: 'keyferry-admins', role: 'admin' },
  { value: 'payments', role: 'operator', environments: ['staging'], secretPrefix: 'payments_' },
  { value: 'everybody', role: 'viewer' },
];

export interface OidcConsole extends TestKeyferry {
  /** Where browsers reach it. */
  readonly origin: string;
  /** Its first admin's token. */
  readonly token: string;
  /** Rows of the audit log about sessions, newest first. */
  sessionRows(): Promise<Record<string, unknown>[]>;
  /** Stops it, and starts it with other roles. */
  restart(roles: readonly unknown[]): Promise<void>;
}

export interface OidcConsoleOptions {
  readonly issuer: (origin: string) => string | Promise<string>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly roles?: readonly unknown[];
  /** Default true; else a public client. */
  readonly hasSecret?: boolean;
}

/** Keyferry with its console behind an address that is known before it starts, as the provider wants it. */
export async function startOidcConsole(options: OidcConsoleOptions): Promise<OidcConsole> {
  const { issuer, flags = {}, roles = ROLES, hasSecret = true } = options;
  const started: { keyferry?: TestKeyferry } = {};
  const relay = await startBreakableRelay(() => started.keyferry?.adminUrl ?? 'http://none:1');
  const scheme = flags['--admin-tls-cert'] === undefined ? 'http' : 'https';
  const origin = relay.origin.replace('http', scheme);
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-oidc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const rolesFile = join(folder, 'roles.json');
  const settings = {
    '--public-admin-url': origin,
    '--oidc-issuer': await issuer(origin),
    '--oidc-client-id': 'console',
    '--oidc-scopes': 'openid email groups',
    '--oidc-roles': rolesFile,
    ...flags,
  };
  const start = async (granted: readonly unknown[], dataDir?: string): Promise<TestKeyferry> => {
    await writeFile(rolesFile, JSON.stringify(granted));
    const secret: Record<string, string> = hasSecret
      ? { KEYFERRY_OIDC_CLIENT_SECRET: CLIENT_SECRET }
      : {};
    started.keyferry = await startKeyferry(settings, dataDir, secret);
    return started.keyferry;
  };
  const keyferry = await start(roles);
  return {
    ...keyferry,
    origin,
    token: (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim(),
    async sessionRows() {
      const { items } = await keyferry.admin<{ items: Record<string, unknown>[] }>(
        'GET',
        '/v1/audit?limit=100',
      );
      return items.filter(({ action }) => String(action).startsWith('session.'));
    },
    async restart(others) {
      await started.keyferry?.server.close();
      await start(others, keyferry.dataDir);
    },
  };
}
