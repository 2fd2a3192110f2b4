import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { seededRandom } from '../support/seeded-random.js';
import {
  type ServedKeyferry,
  serveKeyferry,
  startProcess,
  temporaryDataDir,
} from '../support/serve-process.js';
import { send } from '../support/steady-load.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const KILLS = process.env.KEYFERRY_TORTURE === undefined ? 3 : 100;
/** From before Node has loaded the program to after it is ready. */
const [EARLIEST_MS, LATEST_MS] = [150, 1200];
const TIMEOUT_MS = 600_000;

interface ClientRow {
  readonly name: string;
  readonly revokedAt: string | null;
}

async function exampleToken(server: ServedKeyferry): Promise<string> {
  return vi.waitUntil(() => /Keyferry-Token: (kfc_\S+)'.*\n/.exec(server.output)?.[1]);
}

const tryExample = (server: ServedKeyferry, token: string) =>
  send(`${server.proxyUrl}/example/hello`, { headers: { 'keyferry-token': token } });

const clientsOf = async (server: ServedKeyferry): Promise<readonly ClientRow[]> =>
  (await server.admin<{ items: ClientRow[] }>('GET', '/v1/clients')).items;

test(
  `a first start that is killed at any moment is made good by the next (${KILLS} kills)`,
  async () => {
    const random = seededRandom(20_261_123);
    let interrupted = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const dataDir = temporaryDataDir();
      const { child, finished } = startProcess(dataDir, ['--example']);
      await wait(EARLIEST_MS + random() * (LATEST_MS - EARLIEST_MS));
      child.kill('SIGKILL');
      await finished;
      if (!existsSync(join(dataDir, 'admin-token'))) interrupted++;

      const server = await serveKeyferry({ dataDir });
      const admins = await server.admin<{ items: unknown[] }>('GET', '/v1/admins');
      expect(admins.items).toHaveLength(1);
      expect(readdirSync(dataDir).filter((name) => name.startsWith('admin-token'))).toEqual([
        'admin-token',
      ]);
      expect(statSync(join(dataDir, 'admin-token')).mode & 0o777).toBe(0o600);
      expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600);
      for (const { revokedAt } of await clientsOf(server)) expect(revokedAt).not.toBeNull();
      await server.secret('key', { production: 'a-value' });
      expect(await server.admin('GET', '/v1/audit/verify')).toMatchObject({ ok: true });
      await server.stop();
    }
    console.info(`${interrupted} of ${KILLS} starts had no admin yet`);
  },
  TIMEOUT_MS,
);

test('the first admin is made once, and its token stays', async () => {
  const dataDir = temporaryDataDir();
  const file = join(dataDir, 'admin-token');
  const first = await serveKeyferry({ dataDir });
  await vi.waitUntil(() => first.output.includes('(new; the command line finds it there)'));
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

  const plain = await serveKeyferry({ dataDir });
  expect(await tryExample(plain, token)).toMatchObject({
    status: 401,
    headers: { 'keyferry-error': 'client_unauthenticated' },
  });
  for (const { revokedAt } of await clientsOf(plain)) expect(revokedAt).not.toBeNull();
  await plain.stop();

  const again = await serveKeyferry({ dataDir, flags: ['--example'] });
  const next = await exampleToken(again);
  expect(next).not.toBe(token);
  expect((await tryExample(again, token)).status).toBe(401);
  expect((await tryExample(again, next)).body).toBe('{"injected":true}');
});

test('a client that an operator calls example is left alone', async () => {
  const dataDir = temporaryDataDir();
  const server = await serveKeyferry({ dataDir });
  await server.admin('POST', '/v1/clients', { name: 'example', environment: 'staging' });
  await server.stop();
  const again = await serveKeyferry({ dataDir, flags: ['--example'] });
  expect(await clientsOf(again)).toContainEqual(
    expect.objectContaining({ name: 'example', revokedAt: null }),
  );
});
