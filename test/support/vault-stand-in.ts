import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** By path: its keys, `deleted`, or `forbidden`. */
export type VaultTree = Readonly<Record<string, Record<string, unknown> | 'deleted' | 'forbidden'>>;

export const VAULT_TOKEN = 'hvs.canary-token-of-vault';

/** The KV engine of version 2 over HTTP, mounted at `secret`, as Vault's API description has it. */
export async function startVault(tree: VaultTree, namespace?: string): Promise<URL> {
  const answer = (path: string, list: boolean): readonly [number, unknown] => {
    const [, kind = '', rest = ''] = /^\/v1\/secret\/(data|metadata)(?:\/(.*))?$/.exec(path) ?? [];
    const name = decodeURIComponent(rest).replace(/\/$/, '');
    if (kind === 'metadata' && list) return listed(tree, name);
    const held = tree[name];
    if (held === 'forbidden') return [403, { errors: ['1 error occurred: permission denied'] }];
    if (held === undefined) return [404, { errors: [] }];
    const metadata = { version: 1, created_time: '2026-01-01T00:00:00Z', destroyed: false };
    if (held === 'deleted') {
      const deleted = { ...metadata, deletion_time: '2026-02-01T00:00:00Z' };
      return [404, { data: { data: null, metadata: deleted } }];
    }
    return [200, { data: { data: held, metadata } }];
  };
  return listen(
    createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://vault');
      const mayAsk =
        request.headers['x-vault-token'] === VAULT_TOKEN &&
        request.headers['x-vault-namespace'] === namespace &&
        request.headers['x-vault-request'] === 'true';
      const [status, body] = mayAsk
        ? answer(url.pathname, url.searchParams.get('list') === 'true')
        : [403, { errors: ['permission denied'] }];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    }),
  );
}

function listed(tree: VaultTree, folder: string): readonly [number, unknown] {
  if (tree[`${folder}/`] === 'forbidden') return [403, { errors: ['permission denied'] }];
  const below = folder === '' ? '' : `${folder}/`;
  const keys = new Set(
    Object.keys(tree)
      .filter((path) => path.startsWith(below) && path !== below)
      .map((path) => /^[^/]*\/?/.exec(path.slice(below.length))?.[0] ?? ''),
  );
  return keys.size === 0 ? [404, { errors: [] }] : [200, { data: { keys: [...keys] } }];
}

/** Where a server of a test listens, until the test is over. */
export async function listen(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
