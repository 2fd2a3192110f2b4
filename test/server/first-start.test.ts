import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { AdminCalls } from '../support/call-admin.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type ServedKeyferry, serveKeyferry, temporaryDataDir } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { send } from '../support/steady-load.js';
import { campaign as firstStartKills } from '../torture/campaigns/first-start-kills.js';
import { expectClean } from '../torture/expect-clean.js';

interface ClientRow {
  readonly name: string;
  readonly revokedAt: string | null;
}

async function exampleToken(server: ServedKeyferry): Promise<string> {
  return vi.waitUntil(() => /Keyferry-Token: (kfc_\S+)'.*\n/.exec(server.output)?.[1], PATIENCE_MS);
}

const tryExample = (server: { readonly proxyUrl: string }, token: string) =>
  send(`${server.proxyUrl}/example/hello`, { headers: { 'keyferry-token': token } });

const clientsOf = async (server: AdminCalls): Promise<readonly ClientRow[]> =>
  (await server.admin<{ items: ClientRow[] }>('GET', '/v1/clients')).items;

test('a first start that is killed at any moment is made good by the next', async () => {
  await expectClean(firstStartKills, 3);
});

test('the first admin is made once, and its token stays', async () => {
  const dataDir = temporaryDataDir();
  const file = join(dataDir, 'admin-token');
  const first = await serveKeyferry({ dataDir });
  await vi.waitUntil(
    () => first.output.includes('(new; the command line finds it there)'),
    PATIENCE_MS,
  );
  const token = readFileSync(file, 'utf8');
  expect(token).toMatch(/^kfa_[A-Za-z0-9_-]+\n$/);
  expect(first.output).not.toContain(token.trim());
  await first.stop();
  const second = await serveKeyferry({ dataDir });
  expect(readFileSync(file, 'utf8')).toBe(token);
  expect(second.output).not.toContain('(new;');
  expect(await second.call('GET', '/v1/admins')).toMatchObject({ status: 200 });
});

test('plain serve starts no example and prints no client token', async () => {
  const server = await serveKeyferry();
  await wait(200);
  expect(server.output).not.toMatch(/kfc_|example|curl/i);
  expect(await clientsOf(server)).toEqual([]);
  const { items } = await server.admin<{ items: unknown[] }>('GET', '/v1/secrets');
  expect(items).toEqual([]);
  expect(await tryExample(server, 'kfc_none')).toMatchObject({ status: 401 });
});

test.each(['stop', 'kill'] as const)('the token of an example ends with it: %s', async (end) => {
  const dataDir = temporaryDataDir();
  const withExample = await serveKeyferry({ dataDir, flags: ['--example'] });
  const token = await exampleToken(withExample);
  expect((await tryExample(withExample, token)).body).toBe('{"injected":true}');
  await withExample[end]();

  const plain = await startKeyferry({}, dataDir);
  expect(await tryExample(plain, token)).toMatchObject({
    status: 401,
    headers: { 'keyferry-error': 'client_unauthenticated' },
  });
  for (const { revokedAt } of await clientsOf(plain)) expect(revokedAt).not.toBeNull();
  await plain.server.close();

  const again = await serveKeyferry({ dataDir, flags: ['--example'] });
  const next = await exampleToken(again);
  expect(next).not.toBe(token);
  expect((await tryExample(again, token)).status).toBe(401);
  expect((await tryExample(again, next)).body).toBe('{"injected":true}');
});

test('a client that an operator calls example is left alone', async () => {
  const dataDir = temporaryDataDir();
  const plain = await startKeyferry({}, dataDir);
  await plain.admin('POST', '/v1/clients', { name: 'example', environment: 'staging' });
  await plain.server.close();
  const again = await serveKeyferry({ dataDir, flags: ['--example'] });
  expect(await clientsOf(again)).toContainEqual(
    expect.objectContaining({ name: 'example', revokedAt: null }),
  );
});
